package builtin

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime/container"
)

// talks are the two ends of a talk.
func talks(t testing.TB) (one, other *talk) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	one, other = newTalk(os.NewFile(uintptr(pair[0]), "one")), newTalk(os.NewFile(uintptr(pair[1]), "other"))
	t.Cleanup(func() { one.file.Close(); other.file.Close() })
	return one, other
}

func TestTalk(t *testing.T) {
	one, other := talks(t)
	said := []message{
		{Kind: sayHooks, Supervisor: 7, Namespaces: []string{"mnt"}},
		{Kind: sayReady, Lacks: []container.Lack{{What: "a\nb", Why: `"`}}},
	}
	for _, m := range said {
		if err := one.say(m); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range said {
		got, err := other.expect(want.Kind)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
	}
	_ = other.say(message{Kind: sayFailed, Err: "the reason"})
	if _, err := one.expect(sayGo); err == nil || err.Error() != "the reason" {
		t.Error(err)
	}
	_ = other.say(message{Kind: sayReady})
	if _, err := one.expect(sayGo); err == nil || !strings.Contains(err.Error(), `heard "ready", expected "go"`) {
		t.Error(err)
	}
	other.file.Close()
	if _, err := one.hear(); !errors.Is(err, errGone) {
		t.Errorf("after its end: %v", err)
	}
	// Its death is an error, not a signal that ends us.
	if err := one.say(message{Kind: sayGo}); !errors.Is(err, unix.EPIPE) {
		t.Error(err)
	}
}

// A side that dies in the middle of a word, or talks nonsense, is an error.
func FuzzHear(f *testing.F) {
	f.Add([]byte(`{"kind":"go"}` + "\n" + `{"kind":"rea`))
	f.Add([]byte(`{"kind":7}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 || len(text) > 64<<10 {
			t.Skip()
		}
		one, other := talks(t)
		if _, err := other.file.Write(text); err != nil {
			t.Fatal(err)
		}
		other.file.Close()
		for range len(text) + 2 {
			if _, err := one.hear(); err != nil && !strings.Contains(string(text), sayFailed) {
				return
			}
		}
		if !strings.Contains(string(text), sayFailed) {
			t.Errorf("%q never ends", text)
		}
	})
}

// A descriptor that is sent is the one that arrives, under its name.
func TestSendFile(t *testing.T) {
	one, other := talks(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := sendFile(one.file, "/dev/pts/7", int(f.Fd())); err != nil {
		t.Fatal(err)
	}
	got, err := ReceiveFile(other.file)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	a, _ := f.Stat()
	b, err := got.Stat()
	if err != nil || !os.SameFile(a, b) || got.Name() != "/dev/pts/7" {
		t.Errorf("%s, %v", got.Name(), err)
	}
	_, _ = one.file.WriteString("no descriptor")
	if _, err := ReceiveFile(other.file); err == nil {
		t.Error("a terminal that was not sent")
	}
	one.file.Close()
	if _, err := ReceiveFile(other.file); err == nil {
		t.Error("a terminal of nobody")
	}
}

func TestHooks(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	one := 1
	state := &specs.State{ID: "c"}
	shell := func(script string) specs.Hook {
		return specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", script, out}}
	}
	count := shell(`echo x >>"$0"`)
	slow := shell("sleep 100")
	slow.Timeout = &one
	leaves := shell("sleep 2 & exit 0") // which keeps its output open
	for name, test := range map[string]struct {
		hooks []specs.Hook
		err   string
	}{
		"none":                      {nil, ""},
		"the state":                 {[]specs.Hook{shell(`grep -q '"id":"c"' -`)}, ""},
		"no environment":            {[]specs.Hook{shell(`test -z "$HOME"`)}, ""},
		"its own environment":       {[]specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", `test "$A" = b`}, Env: []string{"A=b"}}}, ""},
		"one that leaves something": {[]specs.Hook{leaves}, ""},
		"the second fails":          {[]specs.Hook{count, shell("echo words; echo more >&2; exit 3"), count}, "error running prestart hook #1: /bin/sh: exit status 3, stdout: words, stderr: more"},
		"one that takes too long":   {[]specs.Hook{slow}, "ran past timeout of 1 s"},
		"one that is not there":     {[]specs.Hook{{Path: "/no/hook"}}, "/no/hook"},
	} {
		err := runHooks("prestart", test.hooks, state)
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v, want %q", name, err, test.err)
		}
	}
	if text, err := os.ReadFile(out); string(text) != "x\n" {
		t.Errorf("the hooks around the failed one ran %q, %v", text, err)
	}
}
