package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/ground"
	"github.com/shimrun/shimrun/internal/procfs"
)

// Whether mounts stand in for traps, see [Plan.Accelerate].
const (
	AccelerateAuto = "auto"
	AccelerateOff  = "off"
)

// Accelerated says of a folder that a profile calls approximate whether mounts
// tell what is served in it, and what keeps the traps where they do not.
type Accelerated struct {
	Folder  string `json:"folder"`
	Mounted bool   `json:"mounted"`
	Why     string `json:"why,omitempty"`
}

// Accelerate finds out what --accelerate comes to for a command that starts in
// the folder cwd, and has the tree serve no more what mounts would tell.
func Accelerate(tree *fakefs.Tree, mode, cwd string) []Accelerated {
	folders := []Accelerated{}
	if mode == AccelerateOff {
		for _, folder := range slices.Sorted(maps.Keys(tree.Profile().Approximate)) {
			folders = append(folders, Accelerated{Folder: folder, Why: "--accelerate=off"})
		}
		return folders
	}
	var mounted []string
	for _, c := range coversOf(tree, cwd) {
		folders = append(folders, Accelerated{c.folder, c.why == "", c.why})
		if c.why == "" {
			mounted = append(mounted, c.folder)
		}
	}
	if len(mounted) > 0 {
		tree.Leave(mounted, exists)
	}
	return folders
}

// LacksMounts says what keeps mounts from being made for a command alone; empty
// where nothing does.
func LacksMounts() string {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if unix.Capget(&header, &sets[0]) == nil && sets[0].Effective&(1<<unix.CAP_SYS_ADMIN) == 0 {
		return "there is no CAP_SYS_ADMIN to mount with"
	}
	if f := ground.Try("mount-namespace")[0]; f.Answer != ground.Yes {
		return "mounts cannot be kept to the command: " + f.Detail
	}
	return ""
}

// A cover is what is mounted in one folder in place of traps: files on those
// that the kernel has, and, where it lacks one, a copy of its folder, in which
// all that is not served is the kernel's own, bound there.
type cover struct {
	folder string
	files  []fakefs.StillFile
	copies []string // none of them in another
	why    string   // nothing is mounted, and this is why
}

// coversOf decides what is to be mounted. If something keeps one folder from
// being told by mounts, traps tell all of them.
func coversOf(tree *fakefs.Tree, cwd string) []cover {
	var covers []cover
	keeper := ""
	lacks := ""
	for i, a := range tree.Approximations(exists) {
		if i == 0 {
			lacks = LacksMounts()
		}
		c := cover{folder: a.Folder, why: a.Why, files: a.Files}
		switch {
		case lacks != "":
			c.why = lacks
		case c.why == "":
			if c.why = c.lay(cwd); c.why != "" && keeper == "" {
				keeper = a.Folder
			}
		}
		covers = append(covers, c)
	}
	for i := range covers {
		if keeper != "" && covers[i].why == "" {
			covers[i].why = fmt.Sprintf("it would gain nothing: what is served in %s keeps all calls with names trapped", keeper)
		}
	}
	return covers
}

// lay decides where to mount what, or says why that cannot be.
func (c *cover) lay(cwd string) (why string) {
	if info, err := os.Lstat(c.folder); err != nil || !info.IsDir() {
		return "the folder is not there, and a mount needs something to stand on"
	}
	for _, file := range c.files {
		info, err := os.Lstat(file.Name)
		switch {
		case err == nil && info.Mode().IsRegular():
			continue
		case err == nil:
			return fmt.Sprintf("no mount can tell %s: something else than a file is there", file.Name)
		case !errors.Is(err, fs.ErrNotExist):
			return err.Error()
		}
		dir := path.Dir(file.Name)
		for !exists(dir) {
			dir = path.Dir(dir)
		}
		if !slices.Contains(c.copies, dir) {
			c.copies = append(c.copies, dir)
		}
	}
	c.copies = slices.DeleteFunc(c.copies, func(dir string) bool {
		return slices.ContainsFunc(c.copies, func(above string) bool { return dir != above && isWithin(dir, above) })
	})
	for _, dir := range c.copies {
		if why := cannotCopy(dir, cwd); why != "" {
			return why
		}
	}
	return ""
}

// cannotCopy says why a folder cannot be covered by a copy of itself.
func cannotCopy(dir, cwd string) string {
	var st unix.Statfs_t
	switch err := unix.Statfs(dir, &st); {
	case err != nil:
		return (&os.PathError{Op: "statfs", Path: dir, Err: err}).Error()
	case dir == "/proc":
		return "a mount over /proc would hide the processes"
	case st.Type != unix.PROC_SUPER_MAGIC && st.Type != unix.SYSFS_MAGIC:
		return fmt.Sprintf("a mount over %s would swallow what is made there", dir)
	case isWithin(cwd, dir):
		return fmt.Sprintf("the command starts in %s, which a mount would cover", cwd)
	}
	return ""
}

// copied tells whether a name lies in one of the copies.
func (c *cover) copied(name string) bool {
	return slices.ContainsFunc(c.copies, func(dir string) bool { return isWithin(name, dir) })
}

func isWithin(name, dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// accelerate has mounts tell what the profile allows them to. Where they cannot,
// traps tell it.
func (s *supervisor) accelerate() {
	auto := s.plan.Accelerate == AccelerateAuto
	s.plan.Accelerate = "" // decided, for a successor too
	if !auto {
		return
	}
	profile, err := s.plan.profile()
	if err != nil {
		return // newPolicy says so
	}
	s.plan.loaded = profile
	if len(profile.Approximate) == 0 {
		return
	}
	tree, err := profile.Tree(procfs.Machine{})
	if err != nil {
		return
	}
	cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", s.launcher.pid))
	covers := coversOf(tree, cwd)
	var mounted []string
	for _, c := range covers {
		if c.why == "" {
			mounted = append(mounted, c.folder)
		} else {
			s.log.Info().Str("folder", c.folder).Str("why", c.why).Msg("traps tell what is served there")
		}
	}
	if len(mounted) == 0 {
		return
	}
	if err := s.launcher.cover(covers); err != nil {
		s.log.Warn().Strs("folders", mounted).Err(err).Msg("could not mount what is served there; traps tell it")
		return
	}
	s.plan.Mounted = mounted
	s.log.Info().Strs("folders", mounted).Msg("mounts tell what is served there")
}
