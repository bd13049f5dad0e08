package agent

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// pair is a connection as a runtime and the agent have it.
func pair(t testing.TB) (runtime, agent *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var conns [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		conn, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = conn.(*net.UnixConn)
		t.Cleanup(func() { conn.Close() })
	}
	return conns[0], conns[1]
}

// stateOf is a container's state, with words for its descriptors.
func stateOf(t testing.TB, fds ...string) []byte {
	t.Helper()
	text, err := json.Marshal(specs.ContainerProcessState{
		Version: specs.Version, Fds: fds, Pid: 4711,
		State: specs.State{ID: "c", Annotations: map[string]string{"words": strings.Repeat("x", 1000)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// file is an open file, and what tells it from others.
func file(t testing.TB, name string) (*os.File, os.FileInfo) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return f, info
}

func openDescriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestReceive(t *testing.T) {
	listener, isListener := file(t, "listener")
	other, _ := file(t, "other")
	l, o := int(listener.Fd()), int(other.Fd())
	type part struct {
		text string
		fds  []int
	}
	plain, second := string(stateOf(t, specs.SeccompFdName)), string(stateOf(t, "somethingElse", specs.SeccompFdName))
	for name, test := range map[string]struct {
		parts []part
		err   string
	}{
		"in one message":             {[]part{{plain, []int{l}}}, ""},
		"among others":               {[]part{{second, []int{o, l}}}, ""},
		"in parts":                   {[]part{{plain[:10], []int{l}}, {plain[10:], nil}}, ""},
		"descriptors in parts":       {[]part{{second[:10], []int{o}}, {second[10:], []int{l}}}, ""},
		"with spaces after it":       {[]part{{plain + "\n \n", []int{l}}}, ""},
		"nothing":                    {nil, "EOF"},
		"cut off":                    {[]part{{plain[:10], []int{l}}}, "EOF"},
		"no JSON":                    {[]part{{"nonsense", []int{l}}}, "EOF"},
		"something else":             {[]part{{"[1]", []int{l}}}, "container's state"},
		"a wrong type":               {[]part{{`{"pid": "x"}`, []int{l}}}, "container's state"},
		"without a listener":         {[]part{{string(stateOf(t, "somethingElse")), []int{o}}}, "sent no seccompFd"},
		"without descriptors":        {[]part{{plain, nil}}, "sent no seccompFd"},
		"with fewer than it says":    {[]part{{second, []int{o}}}, "sent no seccompFd"},
		"more than it says, and all": {[]part{{plain, []int{l, o, o, o}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			runtime, agent := pair(t)
			before := openDescriptors(t)
			go func() {
				for _, p := range test.parts {
					var rights []byte
					if len(p.fds) > 0 {
						rights = unix.UnixRights(p.fds...)
					}
					_, _, _ = runtime.WriteMsgUnix([]byte(p.text), rights, nil)
					time.Sleep(5 * time.Millisecond) // so that each is read alone, mostly
				}
				_ = runtime.CloseWrite()
			}()
			p, err := Receive(agent)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, want %q", err, test.err)
				}
				if errors.Is(err, io.EOF) != (test.err == "EOF") {
					t.Errorf("%v is an end, or is none", err)
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				info, err := p.Listener.Stat()
				if err != nil || !os.SameFile(info, isListener) {
					t.Errorf("the listener is another file: %v, %v", info, err)
				}
				if flags, err := unix.FcntlInt(p.Listener.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("it would be inherited: %#x, %v", flags, err)
				}
				if p.Pid != 4711 || p.State.ID != "c" {
					t.Errorf("%+v", p.ContainerProcessState)
				}
				p.Listener.Close()
			}
			if after := openDescriptors(t); after != before {
				t.Errorf("%d descriptors are open, and were %d", after, before)
			}
		})
	}
}

// Whatever comes, nothing stays open but the listener.
func FuzzReceive(f *testing.F) {
	f.Add(stateOf(f, specs.SeccompFdName), true)
	f.Add([]byte("{}"), true)
	f.Add([]byte(`{"fds": ["seccompFd", "seccompFd"]}`), false)
	f.Fuzz(func(t *testing.T, text []byte, with bool) {
		if len(text) == 0 || len(text) > 64<<10 {
			t.Skip() // more would wait for a reader
		}
		runtime, agent := pair(t)
		sent, _ := file(t, "sent")
		var rights []byte
		if with {
			rights = unix.UnixRights(int(sent.Fd()))
		}
		before := openDescriptors(t)
		if _, _, err := runtime.WriteMsgUnix(text, rights, nil); err != nil {
			t.Fatal(err)
		}
		_ = runtime.CloseWrite()
		if p, err := Receive(agent); err == nil {
			if !with {
				t.Errorf("%q: a listener that was not sent", text)
			}
			p.Listener.Close()
		}
		if after := openDescriptors(t); after != before {
			t.Errorf("%q: %d descriptors are open, and were %d", text, after, before)
		}
	})
}

// A runtime that says nothing is waited for, and its word or its end is heard.
func TestAwait(t *testing.T) {
	for name, speak := range map[string]func(*net.UnixConn){
		"a word": func(c *net.UnixConn) { _, _ = c.Write([]byte("{")) },
		"an end": func(c *net.UnixConn) { c.Close() },
	} {
		runtime, agent := pair(t)
		heard := make(chan error)
		go func() { heard <- Await(agent) }()
		select {
		case err := <-heard:
			t.Fatalf("%s: %v before it was said", name, err)
		case <-time.After(20 * time.Millisecond):
		}
		speak(runtime)
		if err := <-heard; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "a word" {
			if n, err := agent.Read(make([]byte, 8)); n != 1 || err != nil {
				t.Errorf("the word is gone: %d, %v", n, err)
			}
		}
	}
}

func TestListen(t *testing.T) {
	// Short: the names of sockets may have 107 bytes.
	dir, err := os.MkdirTemp("/tmp", "agent")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "socket")
	first, err := Listen(name)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := Listen(name); err == nil || !strings.Contains(err.Error(), "somebody listens there") {
		t.Errorf("a second one: %v", err)
	}
	// As after a kill -9: the socket stays, and nobody listens.
	first.SetUnlinkOnClose(false)
	first.Close()
	second, err := Listen(name)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	// Somebody else's file is left alone.
	if err := os.WriteFile(name, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(name); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("on a file: %v", err)
	}
	if text, err := os.ReadFile(name); string(text) != "kept" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Listen(filepath.Join(dir, "nowhere", "socket")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in no folder: %v", err)
	}
}
