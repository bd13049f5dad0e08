package fakefs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Mistakes of all files that a profile is made of are told together, each once.
func TestLoadFindsEveryMistake(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"top.yaml":   "extends: [./left.yaml, ./right.yaml, ./none.yaml, gvisr]\nlinks: some\n",
		"left.yaml":  "extends: [./base.yaml]\nsysctls: {kernel.panic: 1}\n",
		"right.yaml": "extends: [./base.yaml]\nsysctls: {kernel.panic: many}\n",
		"base.yaml":  "quirks: [x]\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Load(LoadOptions{Profiles: []string{"./top.yaml"}})
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	want := []string{
		"top.yaml:2:8: ", "base.yaml:1:10: ", "right.yaml:2:25: ",
		"top.yaml:1:38: extends ./none.yaml: ", "top.yaml:1:51: extends gvisr: profile \"gvisr\": no such built-in profile; did you mean gvisor?",
	}
	for _, w := range want {
		n := 0
		for _, line := range lines {
			if strings.HasPrefix(line, w) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is %d times in:\n%v", w, n, err)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d mistakes, want %d:\n%v", len(lines), len(want), err)
	}
}

// Two settings that only contradict each other when they are merged have a place too.
func TestTreeNamesThePlace(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"a.yaml": "files: {/opt/x: {content: a}}\n",
		"b.yaml": "files:\n  /opt/x/y: {content: b}\n  /opt/x/z: {content: b}\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Load(LoadOptions{Profiles: []string{"./a.yaml", "./b.yaml"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Tree(nil)
	for _, want := range []string{"b.yaml:2:3: /opt/x/y cannot be served: /opt/x is no directory", "b.yaml:3:3: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}

// What does not end, or is no file, is refused at once, wherever it is named.
func TestLoadReadsFilesOnly(t *testing.T) {
	dir := t.TempDir()
	fifo, long, parent := filepath.Join(dir, "fifo.yaml"), filepath.Join(dir, "long.yaml"), filepath.Join(dir, "parent.yaml")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(long, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(long, ProfileLimit+1); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(parent, []byte("extends: [./fifo.yaml]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, opt := range []LoadOptions{
		{Profiles: []string{"/dev/zero"}}, {Profiles: []string{fifo}}, {Profiles: []string{dir + "/"}}, {Profiles: []string{long}},
		{Profiles: []string{parent}}, {Files: []string{"/x=@/dev/zero"}}, {Files: []string{"/x=@" + fifo}}, {Files: []string{"/x=@" + dir}},
	} {
		start := time.Now()
		_, err := Load(opt)
		if err == nil || time.Since(start) > 5*time.Second {
			t.Errorf("%+v: %v after %v", opt, err, time.Since(start))
		}
	}
	_, err := Load(LoadOptions{Profiles: []string{parent}})
	var at *ProfileError
	if !errors.As(err, &at) || at.At.Line != 1 || at.At.Column != 11 {
		t.Errorf("%v has no place", err)
	}
}

// A value is shown at both ends only, without what a terminal would obey.
func TestMistakesAreBrief(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, text := range []string{
		"sysctls: {kernel.panic: " + long + "}", "links: " + long, long + ": x", "quirks: [" + long + "]",
		"files: {/" + long + ": {content: x, mode: x}}", "calls: {" + long + ": ENOSYS}", "extends: {a: " + long + "}",
		"? " + strings.Repeat("[", 9000), "*" + long,
	} {
		_, err := Parse("p.yaml", []byte(text))
		if err == nil || len(err.Error()) > 3000 {
			t.Errorf("%.20s…: an error of %d bytes", text, len(err.Error()))
		}
	}
	_, err := Parse("p.yaml", []byte(`"a\u001b[31m\nb": x`))
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\n") {
		t.Errorf("control characters in %q", err)
	}
	if _, err = Load(LoadOptions{Set: []string{"kernel.panic=" + long}}); err == nil || len(err.Error()) > 3000 {
		t.Errorf("--set: an error of %d bytes", len(err.Error()))
	}
	var many strings.Builder
	for range 5000 {
		many.WriteString("x: y\n")
	}
	if _, err = Parse("p.yaml", []byte(many.String())); err == nil || len(err.Error()) > 50_000 || !strings.Contains(err.Error(), "and 4900 mistakes more") {
		t.Errorf("5000 mistakes: an error of %d bytes", len(err.Error()))
	}
}

func TestNearSysctl(t *testing.T) {
	for name, want := range map[string]string{
		"vm.max_map_cuont":                  "vm.max_map_count",
		"/proc/sys/vm/max_map_cout":         "vm.max_map_count",
		"kernel/pannic":                     "kernel.panic",
		"vm.max_map_count":                  "",
		"my.own":                            "",
		"net.ipv4.conf.eth1.forwarding":     "",
		"net.ipv4.conf.eth1.forwardin":      "net.ipv4.conf.eth1.forwarding",
		"net.ipv4.conf.eth0.100.forwarding": "net.ipv4.conf.eth0/100.forwarding",
		"net.ipv4.conf.eth0/100.forwarding": "",
		"net.ipv4.conf.x":                   "",
	} {
		if got := NearSysctl(name); got != want {
			t.Errorf("NearSysctl(%q) = %q, want %q", name, got, want)
		}
	}
}
