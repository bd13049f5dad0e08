package seccomp

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// The test binary is its own victims: -load loads the filter, sends the
// listener to the test through descriptor 3, and executes the binary again with
// -victim, so that all threads of the victim are filtered from their start.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "-load":
			fmt.Fprintln(os.Stderr, loadAndExec(os.Args[2:]))
			os.Exit(100)
		case "-victim":
			if err := victims[os.Args[2]](os.Args[3:]); err != nil {
				fmt.Println("victim:", err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func init() { runtime.LockOSThread() }

var testTraps = []shim.Trap{
	{Name: "openat", Nr: unix.SYS_OPENAT},
	{Name: "chdir", Nr: unix.SYS_CHDIR},
	{Name: "uname", Nr: unix.SYS_UNAME},
}

func loadAndExec(args []string) error {
	program, err := Program(testTraps, Notify())
	if err != nil {
		return err
	}
	listener, flags, err := Load(program, Listen|WaitKillable)
	if err != nil {
		return err
	}
	if err := unix.Sendmsg(3, []byte{byte(flags)}, unix.UnixRights(listener), nil, 0); err != nil {
		return err
	}
	unix.Close(3)
	return unix.Exec("/proc/self/exe", append([]string{"victim", "-victim"}, args...), os.Environ())
}

// serve runs a victim under a server whose workers ask handle, and returns
// what it wrote and the server. It fails the test if the victim fails.
func serve(t testing.TB, handle func(*shim.Call, string) shim.Answer, args ...string) string {
	t.Helper()
	v := start(t, handle, args...)
	return v.wait(t)
}

type victim struct {
	cmd    *exec.Cmd
	out    *strings.Builder
	server *Server
	served chan error
}

func start(t testing.TB, handle func(*shim.Call, string) shim.Answer, args ...string) *victim {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := pair[0], os.NewFile(uintptr(pair[1]), "socket")
	v := &victim{out: new(strings.Builder), served: make(chan error, 1)}
	v.cmd = exec.Command("/proc/self/exe", append([]string{"-load"}, args...)...)
	v.cmd.ExtraFiles = []*os.File{theirs}
	v.cmd.Stdout, v.cmd.Stderr = v.out, v.out
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	rights := make([]byte, unix.CmsgSpace(4))
	flags := make([]byte, 1)
	_, n, _, _, err := unix.Recvmsg(ours, flags, rights, unix.MSG_CMSG_CLOEXEC)
	unix.Close(ours)
	if err != nil || n == 0 {
		_ = v.cmd.Wait()
		t.Fatalf("the victim sent no listener: %v\n%s", err, v.out)
	}
	control, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		t.Fatal(err)
	}
	fds, err := unix.ParseUnixRights(&control[0])
	if err != nil {
		t.Fatal(err)
	}
	listener, err := NewListener(fds[0], Flags(flags[0]))
	if err != nil {
		t.Fatal(err)
	}
	v.server = &Server{
		Listener:  listener,
		NewWorker: func() Worker { return &testWorker{handle: handle} },
		Log:       zerolog.New(zerolog.NewTestWriter(t)),
	}
	go func() { v.served <- v.server.Serve() }()
	return v
}

func (v *victim) wait(t testing.TB) string {
	t.Helper()
	if err := v.cmd.Wait(); err != nil {
		t.Fatalf("victim: %v\n%s", err, v.out)
	}
	v.drained(t)
	return v.out.String()
}
