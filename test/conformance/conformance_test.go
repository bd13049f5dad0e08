// Package conformance runs one table of victims (package cases) on every
// ground that shimrun works on, with the native kernel as the oracle:
//
//	             real names           fresh names
//	native   ──▶ the oracle           must differ: nothing is there
//	shimrun  ──▶ must equal it        must equal it
//
// and that for each ground: the two backends natively, as root and as nobody,
// and real gVisor with all and with Docker's capabilities.
package conformance

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/test/conformance/cases"
)

func TestMain(m *testing.M) {
	if err := private(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := 1
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	fmt.Print(coverage())
	if os.Getenv("KEEP") == "" {
		clean()
	}
	os.Exit(code)
}

func prepare() error {
	if err := build(); err != nil {
		return err
	}
	return lies()
}

func clean() {
	for _, name := range []string{"a", "b"} {
		// Not a mount where the test is not root.
		_ = unix.Unmount(filepath.Join(liedDir, name), unix.MNT_DETACH)
	}
	// What victims could not remove from inside a chroot.
	left, _ := filepath.Glob("/tmp/conformance-*")
	for _, dir := range append(left, binaries, liedDir) {
		_ = os.RemoveAll(dir)
	}
}

// private starts this test again in a mount namespace of its own, so that what
// it mounts is seen by nobody and goes with it.
func private() error {
	const done = "CONFORMANCE_PRIVATE"
	if os.Getuid() != 0 || os.Getenv(done) != "" {
		return nil
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{"unshare", "--mount", "--propagation", "private", "--", self}, os.Args[1:]...)
	return unix.Exec(unshare, args, append(os.Environ(), done+"=1"))
}

// lies makes the mounts that the profile lies about.
func lies() (err error) {
	if liedDir, err = os.MkdirTemp("/tmp", "shimrun-lied-"); err != nil {
		return err
	}
	if err := os.Chmod(liedDir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"a", "b", "c"} {
		dir := filepath.Join(liedDir, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if os.Getuid() != 0 || name == "c" {
			continue
		}
		if err := unix.Mount("none", dir, "ramfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount ramfs: %w", err)
		}
	}
	if err := writeUnified(filepath.Join(binaries, "unified.yaml")); err != nil {
		return err
	}
	return writeProfile(filepath.Join(binaries, "conformance.yaml"))
}

// results has for each ground and row how it came out, for the table at the end.
var results = map[string]map[string]string{}

// One ground after the other: beside another sandbox one takes more than twice as long.
func TestConformance(t *testing.T) {
	oracles := map[int]map[string][]string{}
	oracleFor := func(t *testing.T, user int) map[string][]string {
		if oracles[user] == nil {
			oracles[user] = consult(t, user)
		}
		return oracles[user]
	}
	for _, g := range grounds() {
		t.Run(g.name, func(t *testing.T) {
			g.enter(t)
			oracle := oracleFor(t, g.user)
			guard(t, g.tag())
			conform(t, g, oracle)
		})
	}
}

// consult runs the table on the native kernel's real files.
func consult(t *testing.T, user int) map[string][]string {
	t.Helper()
	g := &ground{name: "native-oracle", user: user, lied: [2]string{liedDir + "/a", liedDir + "/b"}, liedType: "ramfs"}
	g.enter(t)
	unlimited(t)
	var rows []string
	for _, c := range cases.All() {
		if c.Like == cases.Kernel && g.lacks(&c) == "" {
			rows = append(rows, c.Name)
		}
	}
	return batch(t, victims{g, g.bare, "real"}, rows)
}

// conform runs the table on one ground and compares.
func conform(t *testing.T, g *ground, oracle map[string][]string) {
	marks := map[string]string{}
	results[g.name] = marks
	var over, fresh, unified, bare, nothing []string
	for _, c := range cases.All() {
		switch {
		case g.lacks(&c) != "":
			marks[c.Name] = "-"
			continue
		case c.Like != cases.Kernel:
			bare = append(bare, c.Name)
		default:
			if c.Needs&cases.Unified != 0 {
				unified = append(unified, c.Name)
			} else if !c.Known {
				fresh = append(fresh, c.Name)
			}
			if shows(g, &c) {
				nothing = append(nothing, c.Name)
			}
		}
		// A sandbox has few of the real names: there they would be the same
		// rows once more, and slow. And the real cgroups cannot be under test
		// where the profile has /proc/PID/cgroup tell of its own.
		if c.Needs&(cases.Groups|cases.Unified) != 0 {
			continue
		}
		if g.caps == "" || c.Like != cases.Kernel || c.Known {
			over = append(over, c.Name)
		}
	}
	without := batch(t, victims{g, g.bare, "real"}, bare)
	nowhere := batch(t, victims{g, g.bare, "fresh"}, nothing)
	served := batch(t, victims{g, g.shim, "real"}, over)
	made := batch(t, victims{g, g.shim, "fresh"}, fresh)
	maps.Copy(made, batch(t, victims{g, g.unified, "fresh"}, unified))

	for _, c := range cases.All() {
		if marks[c.Name] == "-" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			marks[c.Name] = "FAIL"
			want := c.Want
			switch c.Like {
			case cases.Kernel:
				want = oracle[c.Name]
				if shows(g, &c) && slices.Equal(nowhere[c.Name], want) {
					t.Errorf("the same without the shim: this row shows nothing")
				}
				if !c.Known {
					compare(t, "fresh names", want, made[c.Name])
				}
			case cases.Bare:
				want = without[c.Name]
			case cases.Stated:
				if shows(g, &c) && slices.Equal(without[c.Name], want) {
					t.Errorf("the same without the shim: this row shows nothing")
				}
			}
			if slices.Contains(over, c.Name) {
				compare(t, "real names", want, served[c.Name])
			}
			if !t.Failed() {
				marks[c.Name] = "ok"
			}
		})
	}
}

// shows tells whether a row must come out differently without the shim.
func shows(g *ground, c *cases.Case) bool {
	if c.Real || c.Known {
		return false
	}
	return c.Has == "" || !strings.HasPrefix(g.name, c.Has)
}

func compare(t *testing.T, names string, want, got []string) {
	t.Helper()
	if diff := difference(want, got); diff != "" {
		t.Errorf("%s (-expected +came):\n%s", names, diff)
	}
}
