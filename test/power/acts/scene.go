package acts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Scene is where acts are tried, as the actor is told of it.
type Scene struct {
	// Dir is the folder with everything in it that acts are tried on.
	Dir string
	// Host is the same outside of a container, under a name that it does not
	// have inside. Without a container it is Dir.
	Host string
	// Target is a process of root's, and Supervisor that of the shim, or another
	// one of root's where there is no shim or it is not seen.
	Target, Supervisor int
	Caller             string
}

func (s *Scene) path(name string) string { return filepath.Join(s.Dir, name) }

// Build makes what of a scene is not served, and all of it where there is no shim.
func Build(dir string, shim bool) error {
	for _, t := range slices.Concat(things, groupThings) {
		switch {
		case t.name == Covered && shim:
			t.text = coveredText
		case t.served && shim:
			continue
		}
		if err := t.make(dir); err != nil {
			return err
		}
	}
	return nil
}

// Intact tells whether the kernel's own files are as [Build] made them. It is
// asked by who is not under the shim.
func Intact(dir string, shim bool) error {
	for _, t := range things {
		switch {
		case t.name == Covered && shim:
			t.text = coveredText
		case t.served && shim || t.name == "bound":
			continue
		}
		if now := t.differs(dir); now != "" {
			return fmt.Errorf("%s %s", t.name, now)
		}
	}
	return nil
}

func (t *thing) make(dir string) error {
	path := filepath.Join(dir, t.name)
	var err error
	switch t.mode & unix.S_IFMT {
	case folder:
		err = os.MkdirAll(path, 0o755)
	case link:
		err = os.Symlink(t.text, path)
	case file:
		err = os.WriteFile(path, []byte(t.text), 0o600)
	default:
		err = unix.Mknod(path, t.mode, 0)
	}
	if err == nil {
		err = os.Lchown(path, t.uid, t.gid)
	}
	if err == nil && t.mode&unix.S_IFMT != link {
		err = unix.Chmod(path, t.mode&0o7777)
	}
	return err
}

// differs says what is different from what was made, or "".
func (t *thing) differs(dir string) string {
	path := filepath.Join(dir, t.name)
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "is gone: " + word(err)
	}
	if st.Mode != t.mode || int(st.Uid) != t.uid || int(st.Gid) != t.gid {
		return fmt.Sprintf("is %#o of %d:%d", st.Mode, st.Uid, st.Gid)
	}
	if t.mode&unix.S_IFMT != file {
		return ""
	}
	now, err := os.ReadFile(path)
	if err != nil {
		return "cannot be read: " + word(err)
	}
	if string(now) != t.text {
		return fmt.Sprintf("says %q", now)
	}
	return ""
}

// Changes lists what root sees changed in a scene, and puts it back. What cannot
// be put back is listed once: a served file that is read-only, also for root.
func Changes(dir string, shim bool) []string {
	var changes []string
	for _, t := range things {
		// A link in its place, where the bind mount could not be made.
		if t.name == "bound" {
			continue
		}
		now := t.differs(dir)
		if now == stays[t.name] {
			continue
		}
		changes = append(changes, t.name+" "+now)
		_ = t.restore(dir, shim)
		stays[t.name] = t.differs(dir)
	}
	return slices.Concat(changes, groupChanges(dir, shim), strangers(dir))
}

// stays has how those things differ that could not be put back.
var stays = map[string]string{}

func (t *thing) restore(dir string, shim bool) error {
	path := filepath.Join(dir, t.name)
	_ = unix.Unmount(path, unix.MNT_DETACH) // what should not be mounted there
	if t.served && shim {
		return os.WriteFile(path, []byte(t.text), 0)
	}
	if t.mode&unix.S_IFMT != folder {
		_ = os.Remove(path)
	}
	return t.make(dir)
}

// groupChanges is the same of the groups. Only what is made under the shim can be
// made again.
func groupChanges(dir string, shim bool) []string {
	var changes []string
	memory := filepath.Join(dir, "cgroup/memory")
	for _, parent := range []string{memory, filepath.Join(memory, "kept")} {
		entries, _ := os.ReadDir(parent)
		for _, entry := range entries {
			if name := filepath.Join(parent, entry.Name()); entry.IsDir() && name != filepath.Join(memory, "kept") {
				changes = append(changes, strings.TrimPrefix(name, dir+"/")+" is there")
				_ = os.RemoveAll(name)
				_ = os.Remove(name)
			}
		}
	}
	for _, t := range groupThings {
		now := ""
		if t.mode&unix.S_IFMT == folder || !shim {
			now = t.differs(dir)
		}
		if now == "" {
			continue
		}
		changes = append(changes, t.name+" "+now)
		_ = t.make(dir)
	}
	return changes
}

// strangers removes what does not belong into the folders that are not served,
// and lists it.
func strangers(dir string) []string {
	var found []string
	for _, name := range []string{".", "real", "real/shared", "real/closed", "source"} {
		entries, _ := os.ReadDir(filepath.Join(dir, name))
		for _, entry := range entries {
			name := filepath.Join(name, entry.Name())
			if slices.ContainsFunc(slices.Concat(things, groupThings), func(t thing) bool { return t.name == name }) {
				continue
			}
			found = append(found, name+" is there")
			path := filepath.Join(dir, name)
			_ = unix.Unmount(path, unix.MNT_DETACH)
			if err := os.RemoveAll(path); err != nil {
				found = append(found, name+" stays: "+err.Error())
			}
		}
	}
	return found
}

// Profile is the part of a profile that serves a scene.
func Profile(dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "files:\n  %s/file: {content: \"served\\n\"}\n", SysFolder)
	for _, t := range things {
		if !t.served {
			continue
		}
		fmt.Fprintf(&b, "  %s: {", filepath.Join(dir, t.name))
		switch t.mode & unix.S_IFMT {
		case folder:
			fmt.Fprintf(&b, "directory: true, mode: \"%04o\"", t.mode&0o777)
		case link:
			fmt.Fprintf(&b, "link: %q", t.text)
		default:
			fmt.Fprintf(&b, "content: %q, mode: \"%04o\"", t.text, t.mode&0o777)
		}
		if t.uid+t.gid != 0 {
			fmt.Fprintf(&b, ", owner: \"%d:%d\"", t.uid, t.gid)
		}
		b.WriteString("}\n")
	}
	fmt.Fprintf(&b, "cgroups: {controllers: [memory], root: %s, when: always}\n", filepath.Join(dir, "cgroup"))
	return b.String()
}
