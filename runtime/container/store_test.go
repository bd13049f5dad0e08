package container

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestCheckID(t *testing.T) {
	for _, id := range []string{"c", "0", "a.b", "..a", "A_b+c-d.e", strings.Repeat("x", 255)} {
		if err := CheckID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{".", "..", "a/b", "/", "a b", "a\n", "ä", "a\x00", "~", strings.Repeat("x", 256)} {
		if err := CheckID(id); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if err := CheckID(""); !errors.Is(err, ErrEmptyID) {
		t.Error(err)
	}
}

// Whatever is taken as a name is one file's name.
func FuzzCheckID(f *testing.F) {
	f.Add("a.b")
	f.Add("../a")
	f.Fuzz(func(t *testing.T, id string) {
		if CheckID(id) == nil && (filepath.Base(id) != id || filepath.Join("/store", id) != "/store/"+id || len(id) > 255) {
			t.Errorf("%q leads elsewhere", id)
		}
	})
}

func create(t *testing.T, s Store, id string) *Container {
	t.Helper()
	c, err := s.Create(id)
	if err == nil {
		err = c.Save()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What was saved is read back, and a name exists until it is removed.
func TestStore(t *testing.T) {
	s, err := NewStore(filepath.Join(t.TempDir(), "made"))
	if err != nil {
		t.Fatal(err)
	}
	if list, err := s.List(); len(list) > 0 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := s.Open("c"); !errors.Is(err, ErrNotExist) {
		t.Error(err)
	}
	c := create(t, s, "c")
	c.Annotations, c.Mode, c.Lacks = map[string]string{"a": "b"}, "builtin", []Lack{{"namespace pid", "none"}, {"root", "x"}}
	spec := &specs.Spec{Version: "1.0.0", Hostname: "name"}
	if err := errors.Join(c.Save(), c.SaveSpec(spec)); err != nil {
		t.Fatal(err)
	}
	again, err := s.Open("c")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.State, again.State); diff != "" {
		t.Error(diff)
	}
	if read, err := again.LoadSpec(); err != nil || read.Hostname != "name" {
		t.Errorf("%+v, %v", read, err)
	}
	want := map[string]string{"a": "b", AnnotationMode: "builtin", AnnotationLacks: "namespace pid; root"}
	if diff := cmp.Diff(want, again.State.Spec(Running).Annotations); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Create("c"); !errors.Is(err, ErrExist) {
		t.Errorf("with its creator at it: %v", err)
	}
	c.Unlock()
	if _, err := s.Create("c"); !errors.Is(err, ErrExist) {
		t.Errorf("without: %v", err)
	}
	create(t, s, "b").Unlock()
	list, err := s.List()
	if err != nil || len(list) != 2 || list[0].ID != "b" || list[1].ID != "c" {
		t.Errorf("%v, %v", list, err)
	}
	if others := again.Others(); len(others) != 1 || others[0].ID != "b" {
		t.Errorf("%v", others)
	}
	locked, err := s.Lock("c")
	if err != nil {
		t.Fatal(err)
	}
	if err := locked.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock("c"); !errors.Is(err, ErrNotExist) {
		t.Error(err)
	}
	create(t, s, "c").Unlock()
}

// A state that cannot be read keeps no other container from being listed.
func TestListPastAMalformedState(t *testing.T) {
	s := Store{t.TempDir()}
	create(t, s, "a").Unlock()
	create(t, s, "b").Unlock()
	if err := os.WriteFile(filepath.Join(s.Root, "a", stateName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := s.List()
	if len(list) != 1 || list[0].ID != "b" || err == nil || !strings.Contains(err.Error(), filepath.Join(s.Root, "a", stateName)) {
		t.Errorf("%v, %v", list, err)
	}
}

// A creator that died before it had written anything leaves a folder that the
// next one takes over.
func TestCreateAfterACrash(t *testing.T) {
	s := Store{t.TempDir()}
	c, err := s.Create("c")
	if err != nil {
		t.Fatal(err)
	}
	c.Unlock() // as the kernel does for the dead
	if list, err := s.List(); len(list) > 0 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	create(t, s, "c").Unlock()
}

// Of many that want a name at once one gets it, and whoever removes it does not
// take it from the next.
func TestRaceForAName(t *testing.T) {
	s := Store{t.TempDir()}
	var holders, made atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				c, err := s.Create("c")
				if errors.Is(err, ErrExist) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if holders.Add(1) != 1 {
					t.Error("two have it")
				}
				made.Add(1)
				if err := c.Save(); err != nil {
					t.Error(err)
				}
				holders.Add(-1)
				if err := c.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if made.Load() == 0 {
		t.Error("nobody ever got it")
	}
}

// A reader sees the old state or the new one, and never a part.
func TestSaveIsWhole(t *testing.T) {
	s := Store{t.TempDir()}
	c := create(t, s, "c")
	defer c.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 300 {
			c.Bundle = strings.Repeat("x", n*50)
			if err := c.Save(); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		if _, err := s.Open("c"); err != nil {
			t.Error(err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// A state that cannot be read is an error that names the file.
func TestMalformedState(t *testing.T) {
	s := Store{t.TempDir()}
	create(t, s, "c").Unlock()
	name := filepath.Join(s.Root, "c", stateName)
	for _, text := range []string{"", "{", "[]", `{"id": 1}`, `{"init": {"pid": "x"}}`, "{} {}"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, open := range []func(string) (*Container, error){s.Open, s.Lock} {
			if _, err := open("c"); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%q: %v", text, err)
			}
		}
		if _, err := s.Create("c"); !errors.Is(err, ErrExist) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever the file says, a status comes of it, and no other process is met.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"id": "c", "ready": true, "init": {"pid": 1, "start": 0}}`))
	f.Add([]byte(`{"init": {"pid": -1}, "creator": {"pid": 4194305}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := Store{t.TempDir()}
		create(t, s, "c").Unlock()
		if err := os.WriteFile(filepath.Join(s.Root, "c", stateName), text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := s.Open("c")
		if err != nil {
			return
		}
		if c.Status() == "" || c.Listing(c.Status()).Version == "" {
			t.Errorf("%q", text)
		}
		for _, p := range c.Supervisors() {
			if !p.Alive() {
				t.Errorf("%+v serves it", p)
			}
		}
	})
}

// The supervisors of a container are those that live; what is left of others is
// swept away.
func TestSupervisors(t *testing.T) {
	c := create(t, Store{t.TempDir()}, "c")
	defer c.Unlock()
	_, first := sleeper(t)
	_, second := sleeper(t)
	c.Supervisor = first
	stale := Process{second.PID + 1<<22, 1}
	for _, p := range []Process{second, stale} {
		if err := c.AddSupervisor(p); err != nil {
			t.Fatal(err)
		}
	}
	malformed := filepath.Join(c.Dir(), serving+"x")
	if err := os.WriteFile(malformed, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Process{first, second}, c.Supervisors()); diff != "" {
		t.Error(diff)
	}
	if names, _ := filepath.Glob(filepath.Join(c.Dir(), serving+"*")); len(names) != 2 {
		t.Errorf("left: %v", names)
	}
}
