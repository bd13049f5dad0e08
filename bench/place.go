package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/shim"
)

const (
	// profile is what shimrun is measured with: a big one, of everyday use.
	profile = "kubernetes"
	// servedName is in that profile, with this text.
	servedName = "/proc/sys/kernel/panic"
	servedText = "10\n"
)

// place is a work folder, and what is told about it.
type place struct {
	dir      string
	programs string // the folder of the C programs
	shimrun  string
	env      []string

	// realType is the type of the folder's filesystem, and toldType what it is
	// reported as; the magics are theirs, 0 where it cannot be lied about.
	realType, toldType   string
	realMagic, toldMagic int64
	// traps are the calls that shimrun's policy stops.
	traps []shim.Trap
}

// newPlace makes a work folder below parent.
func newPlace(parent, programs, shimrun string) (*place, error) {
	dir, err := os.MkdirTemp(parent, "shimrun-bench-")
	if err != nil {
		return nil, err
	}
	p := &place{dir: dir, programs: programs, shimrun: shimrun}
	p.env = p.environment()
	for name, text := range map[string]string{"file": "a file\n", "written": "a file\n", "served": servedText} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return p, err
		}
	}
	if err := p.chooseLie(); err != nil {
		return p, err
	}
	return p, p.findTraps()
}

func (p *place) remove() error { return os.RemoveAll(p.dir) }

// environment is what measured programs get: nothing that would change what
// shimrun or they do. Go's cache stays between runs, beside the C programs.
func (p *place) environment() []string {
	cache := filepath.Join(filepath.Dir(p.programs), "go-cache")
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "LC_ALL=C", "TMPDIR=" + p.dir,
		"GOCACHE=" + cache, "GOFLAGS=", "GOPROXY=off", "GOTOOLCHAIN=local", "GOTELEMETRY=off", "CGO_ENABLED=0",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_OPTIONAL_LOCKS=0",
	}
}

// chooseLie finds the filesystem of the folder, and something else to call it.
func (p *place) chooseLie() error {
	mounts, err := mountinfo.GetMounts(mountinfo.ParentsFilter(p.dir))
	if err != nil {
		return fmt.Errorf("read the mounts: %w", err)
	}
	longest := -1
	for _, m := range mounts { // a later one covers an earlier one
		if len(m.Mountpoint) >= longest {
			longest, p.realType = len(m.Mountpoint), m.FSType
		}
	}
	p.toldType = "ext4"
	if p.realType == "ext4" {
		p.toldType = "xfs"
	}
	return nil
}

// findTraps asks the policy itself which calls it stops.
func (p *place) findTraps() error {
	tree, err := treeOf(fakefs.LoadOptions{Profiles: []string{profile}, Filesystems: []string{p.lie()}})
	if err != nil {
		return err
	}
	if p.traps, err = trapsOf(tree); err != nil {
		return err
	}

	var fs unix.Statfs_t
	if err := unix.Statfs(p.dir, &fs); err != nil {
		return &os.PathError{Op: "statfs", Path: p.dir, Err: err}
	}
	if told := tree.Filesystem(int64(fs.Type)); told != nil {
		p.realMagic, p.toldMagic = int64(fs.Type), int64(told.Report.Magic)
	}
	return nil
}

func treeOf(options fakefs.LoadOptions) (*fakefs.Tree, error) {
	loaded, err := fakefs.Load(options)
	if err != nil {
		return nil, err
	}
	return loaded.Tree(thisMachine{})
}

func trapsOf(tree *fakefs.Tree) ([]shim.Trap, error) {
	policy, err := shim.New(tree, shim.Options{Log: zerolog.Nop()})
	if err != nil {
		return nil, err
	}
	defer policy.Close()
	return policy.Traps(), nil
}

// lie is shimrun's --fs.
func (p *place) lie() string { return p.realType + "=" + p.toldType }

// trapped are the trapped calls, as names or numbers, without those that are
// stopped for some arguments only.
func (p *place) trapped(write func(shim.Trap) string) string {
	var all []string
	for _, trap := range p.traps {
		if trap.Only == nil {
			all = append(all, write(trap))
		}
	}
	return strings.Join(all, ",")
}

func trapNumber(t shim.Trap) string { return strconv.Itoa(t.Nr) }
func trapName(t shim.Trap) string   { return t.Name }

// name is what a scenario's On stands for, and what has to be found there.
// Where nobody tells a lie, something that is as much work for the kernel stands
// in for what is served.
func (p *place) name(s *Scenario, c *Contender) (path, expected string) {
	lies := c.Tells != 0
	switch s.On {
	case "file":
		if s.Tells == TellFilesystem && lies {
			expected = strconv.FormatInt(p.toldMagic, 16)
		}
		return filepath.Join(p.dir, "file"), expected
	case "relative":
		return "file", ""
	case "missing":
		return filepath.Join(p.dir, "missing"), ""
	case "proc":
		return "/proc/uptime", ""
	case "served":
		if !lies {
			return standIn(), ""
		}
		return servedName, servedText
	case "written":
		if !lies {
			return filepath.Join(p.dir, "written"), ""
		}
		return servedName, ""
	}
	return "", ""
}

// standIn is a sysctl that the kernel has.
func standIn() string {
	for _, name := range []string{servedName, "/proc/sys/kernel/hostname"} {
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return "/proc/uptime"
}

// thisMachine is the [fakefs.Machine] that everything runs on.
type thisMachine struct{}

func (thisMachine) Mountinfo() ([]byte, error) { return os.ReadFile("/proc/self/mountinfo") }
