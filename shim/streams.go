package shim

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// streams are the flows of records behind nodes such as /dev/kmsg.
//
// A reader gets the end of a pipe that never ends: it can be polled, and
// blocks when it has read everything. Packet mode (O_DIRECT, pipe(2)) keeps one
// record to one read, as /dev/kmsg has it; where the kernel has no packet mode
// (old gVisor) a read may return several records, each with its newline. A
// writer gets the end of a pipe of its own, which the supervisor empties.
type streams struct {
	shim *Shim
	mu   sync.Mutex
	feed []*feeder
	sink *os.File // the end that writers' pipe is emptied from
	sunk int      // the end that is given to writers; 0 before the first one
	// running tells that the goroutine that feeds the readers was started.
	running bool
}

// A feeder is one reader's pipe and how far it has been filled.
type feeder struct {
	pipe int    // the writing end
	next uint64 // sequence number of the next record
}

// open returns the supervisor's end-to-be-given for one open of the node.
func (s *streams) open(n *fakefs.Node, accmode int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if accmode == unix.O_WRONLY {
		return s.openWriter(n)
	}
	s.prune()
	r, w, err := packetPipe()
	if err != nil {
		return -1, err
	}
	if _, err := s.shim.handOut(r, &handedOut{node: n, name: n.Name}); err != nil {
		unix.Close(r)
		unix.Close(w)
		return -1, err
	}
	f := &feeder{pipe: w}
	s.feed = append(s.feed, f)
	if !s.running {
		s.running = true
		go s.run() // for as long as the supervisor lives
	}
	s.fill(f)
	return r, nil
}

// packetPipe makes a pipe in packet mode where there is one. The writing end
// does not block: a reader that does not read loses records, as on a kernel
// whose ring has turned over.
func packetPipe() (r, w int, err error) {
	var p [2]int
	if err = unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_DIRECT|unix.O_NONBLOCK); err != nil {
		err = unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK)
	}
	if err != nil {
		return -1, -1, os.NewSyscallError("pipe2", err)
	}
	return raise(p[0]), raise(p[1]), nil
}

// openWriter gives the end of the pipe that all writers share. What they write
// becomes records of the log.
func (s *streams) openWriter(n *fakefs.Node) (int, error) {
	if s.sunk == 0 {
		r, w, err := packetPipe()
		if err != nil {
			return -1, err
		}
		s.sink, s.sunk = os.NewFile(uintptr(r), n.Name), w
		if _, err := s.shim.handOut(w, &handedOut{node: n, name: n.Name, shared: true}); err != nil {
			return -1, err
		}
		go s.drain()
	}
	return unix.FcntlInt(uintptr(s.sunk), unix.F_DUPFD_CLOEXEC, highest)
}

func (s *streams) drain() {
	buf := make([]byte, pathMax)
	for {
		n, err := s.sink.Read(buf)
		if n > 0 {
			_ = s.shim.tree.Kmsg().Append(buf[:n]) // what the kernel would refuse is dropped
		}
		if err != nil {
			return
		}
	}
}

// run feeds every reader whenever there are new records.
func (s *streams) run() {
	for log := s.shim.tree.Kmsg(); ; {
		more := log.Wait()
		s.mu.Lock()
		s.prune()
		for _, f := range s.feed {
			s.fill(f)
		}
		s.mu.Unlock()
		<-more
	}
}

// fill writes what a reader has not got yet, as far as its pipe takes it.
func (s *streams) fill(f *feeder) {
	records, next := s.shim.tree.Kmsg().Records(f.next)
	for _, r := range records {
		if _, err := unix.Write(f.pipe, r); err != nil {
			break
		}
	}
	f.next = next
}

// prune closes the pipes whose reader is gone.
func (s *streams) prune() {
	kept := s.feed[:0]
	for _, f := range s.feed {
		p := []unix.PollFd{{Fd: int32(f.pipe)}}
		if n, _ := unix.Poll(p, 0); n > 0 && p[0].Revents&unix.POLLERR != 0 {
			unix.Close(f.pipe)
			continue
		}
		kept = append(kept, f)
	}
	s.feed = kept
}

func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.feed {
		unix.Close(f.pipe)
	}
	s.feed = nil
	if s.sunk != 0 {
		s.sink.Close()
		unix.Close(s.sunk)
	}
}

// lseek(2) on a stream succeeds where /dev/kmsg lets it (devkmsg_llseek in
// kernel/printk/printk.c): to its start, its end or its last clear, with offset
// 0. A pipe would say ESPIPE.
func (w *Worker) lseek(c *Call) Answer {
	if IsHigh(dirfdOf(c.Args[0])) {
		return w.highCall(c)
	}
	h := w.handedTo(c, dirfdOf(c.Args[0]))
	if h == nil || h.node.Stream == "" {
		return Answer{}
	}
	switch {
	case c.Args[1] != 0:
		return Answer{Kind: Fail, Errno: unix.ESPIPE}
	case c.Args[2] == unix.SEEK_END:
		w.drainPipe(c)
		return Answer{Kind: Return}
	case c.Args[2] == unix.SEEK_SET, c.Args[2] == seekData:
		return Answer{Kind: Return}
	}
	return Answer{Kind: Fail, Errno: unix.EINVAL}
}

// drainPipe reads away what a reader's pipe holds, so that it goes on with the next record.
func (w *Worker) drainPipe(c *Call) {
	fd, ok := w.openHanded(c, unix.O_RDONLY|unix.O_NONBLOCK)
	if !ok {
		return // another user's pipe: its reader gets the old records first
	}
	defer unix.Close(fd)
	buf := make([]byte, pathMax)
	for {
		if n, err := unix.Read(fd, buf); n <= 0 || err != nil {
			return
		}
	}
}
