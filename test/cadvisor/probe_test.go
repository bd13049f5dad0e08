package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/cadvisor/fs"
	cadvisorapiv2 "github.com/google/cadvisor/info/v2"
)

func TestParseMakesDirectoriesAbsoluteAndUnique(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	opts, err := parse([]string{"--timeout=0", "/", "/tmp/", ".", "/tmp"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"/", "/tmp", wd}; !slices.Equal(opts.dirs, want) {
		t.Errorf("dirs = %q, want %q", opts.dirs, want)
	}
	if opts.timeout != 0 {
		t.Errorf("timeout = %v, want 0", opts.timeout)
	}
}

func TestParseDoesNotOfferCadvisorsFlags(t *testing.T) {
	var help bytes.Buffer
	if _, err := parse([]string{"--housekeeping_interval=1s"}, &help); err == nil {
		t.Error("a flag of cAdvisor's was taken")
	}
	if strings.Contains(help.String(), "docker") {
		t.Errorf("help shows cAdvisor's flags:\n%s", &help)
	}
}

func TestAnswerIsRepeatedUntilFinal(t *testing.T) {
	fail := func(err error) func() (cadvisorapiv2.FsInfo, error) {
		return func() (cadvisorapiv2.FsInfo, error) { return cadvisorapiv2.FsInfo{}, err }
	}
	var a Answer
	a.try(fail(errors.New("not yet")))
	a.try(fail(errors.New("still not")))
	if a.final() || a.FirstError != "not yet" || a.Error != "still not" {
		t.Errorf("after two failures: %+v", a)
	}
	a.try(fail(nil))
	a.try(fail(errors.New("asked again")))
	if !a.final() || a.Error != "" || a.Attempts != 3 {
		t.Errorf("after success: %+v", a)
	}

	var b Answer
	b.try(fail(fs.ErrDeviceNotInPartitionsMap))
	if !b.final() {
		t.Error("a missing partition was not taken as final")
	}
}

func TestUnder(t *testing.T) {
	for _, c := range []struct {
		dir, mountpoint string
		want            bool
	}{
		{"/", "/", true},
		{"/var", "/", true},
		{"/var/lib", "/var/lib", true},
		{"/var/library", "/var/lib", false},
		{"/var", "/var/lib", false},
	} {
		if got := under(c.dir, c.mountpoint); got != c.want {
			t.Errorf("under(%q, %q) = %v", c.dir, c.mountpoint, got)
		}
	}
}

// TestProbe runs the whole thing here. It needs a machine whose cgroups a
// kubelet would accept, and says so when it is not on one.
func TestProbe(t *testing.T) {
	root := t.TempDir() + "/kubelet"
	r := probe(options{rootDir: root, cgroupRoots: []string{"/kubepods"}, dirs: []string{"/", "/nonexistent"}})
	if r.New.Error != "" || r.Start.Error != "" || r.Stats.Error != "" {
		t.Skipf("no machine for a kubelet: %q", r.Errors)
	}
	if r.RootFs.Info == nil || r.Dirs[0].Info == nil {
		t.Fatalf("no answer for the root: %q", r.Errors)
	}
	if r.OK || r.Dirs[1].Answer.Error == "" || r.Dirs[1].Stat.Error == "" {
		t.Errorf("a directory that is not there: %+v", r.Dirs[1])
	}
	k := r.Dirs[0].Statfs
	if got, want := r.Dirs[0].Info.Capacity, uint64(k.Frsize)*k.Blocks; got != want {
		t.Errorf("capacity of / is %d, statfs says %d", got, want)
	}
	if _, err := os.Stat(root); !os.IsNotExist(err) {
		t.Errorf("%s was left behind (%v)", root, err)
	}
}
