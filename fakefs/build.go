package fakefs

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Tree builds what the profile serves. A profile that still extends others has
// to go through [Load] first. Two profiles may disagree in a way that only
// shows here: a file below something that is no directory.
func (p *Profile) Tree(m Machine) (*Tree, error) {
	if len(p.Extends) > 0 {
		return nil, fmt.Errorf("profile %s: extends %s, which is not merged in", p.Name, list(p.Extends))
	}
	t := &Tree{
		profile:  p,
		patterns: newPatterns(),
		mounts:   newLies(p.Filesystems),
		kmsg:     NewKmsg(bootRecords...),
		uname:    map[string]*variable{},
	}
	if len(p.Filesystems) > 0 {
		t.devices = newBlockDevices(t.mounts, m)
	}
	if prober, ok := m.(Prober); ok && p.Quirk(hostNameQuirk) {
		t.namesHosts = prober.Lacks(hostNameQuirk)
	}
	var err error
	if t.cgroups, err = newCgroups(p, m); err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	plain := map[string]*Node{}
	for name, lie := range t.files() {
		if isPattern(name) {
			written := &writtenDocuments{}
			t.patterns.add(newPattern(name, func(name string) *Node { return t.node(name, lie, written) }))
		} else {
			plain[name] = t.node(name, lie, nil)
		}
	}
	for path, lie := range p.sysctls() {
		node := t.sysctlNode(path, lie)
		plain[node.Name] = node
	}
	if t.devices != nil {
		for _, dir := range blockDirs {
			if plain[dir] == nil {
				plain[dir] = &Node{Name: dir, Mode: fs.ModeDir | 0o555, Implied: true, Ino: inode(dir), Lie: "filesystems"}
			}
		}
	}
	if t.cgroups != nil {
		maps.Copy(plain, t.cgroups.points())
	}
	t.plain = newIndex(plain)
	if every, ok := p.Sysctls["*"]; ok {
		t.fill = newFill(t, every)
		if name, above := t.fill.conflict(); name != "" {
			return nil, p.below(name, above)
		}
	}
	var mistakes []error
	for _, name := range slices.Sorted(maps.Keys(plain)) {
		if above := plain[parentOf(name)]; above != nil && !above.Mode.IsDir() {
			mistakes = append(mistakes, p.below(name, above.Name))
		}
	}
	if err := joinErrors(mistakes); err != nil {
		return nil, err
	}
	return t, nil
}

// below is the mistake that a name stands below what is no directory, at the place
// of either that the profile names.
func (p *Profile) below(name, above string) error {
	at := p.placeOf(name)
	if at.File == "" {
		at = p.placeOf(above)
	}
	if at.File == "" {
		return fmt.Errorf("profile %s: %s: %s is no directory", p.Name, name, above)
	}
	return &ProfileError{At: at, Cause: fmt.Sprintf("%s cannot be served: %s is no directory", name, above), Allowed: "files below directories only"}
}

// placeOf is where a profile says something about a served name.
func (p *Profile) placeOf(name string) Place {
	if path, ok := strings.CutPrefix(name, sysctlRoot+"/"); ok {
		return p.place("sysctls", path)
	}
	return p.place("files", name)
}

// namedFile is a file with the name under which its lie is listed.
type namedFile struct {
	FileLie
	lie     string
	pattern string
}

// files are the files that the profile names, and those that its other
// sections need to be believed.
func (t *Tree) files() map[string]namedFile {
	p := t.profile
	all := map[string]namedFile{}
	generated := func(lie string, when When, files map[string]string) {
		for name, generator := range files {
			all[name] = namedFile{FileLie: FileLie{Generate: generator, When: when}, lie: lie}
		}
	}
	if len(p.Filesystems) > 0 {
		lie := "filesystems " + list(slices.Sorted(maps.Keys(p.Filesystems)))
		generated(lie, Always, filesystemFiles)
		generated(lie, Present, processFiles)
	}
	if len(p.Filesystems) == 0 && p.VirtualMounts() {
		// The reader's own mounts, which the shim shows us with those of its table.
		generated("mounts virtual", Present, processFiles)
	}
	if t.cgroups != nil {
		lie := "cgroups " + list(t.Controllers())
		generated(lie, Always, cgroupFiles)
		generated(lie, Present, processFiles)
	}
	if p.Memory != (Memory{}) {
		generated("memory", Always, map[string]string{"/proc/meminfo": "meminfo"})
	}
	if t.namesHosts {
		generated("quirks "+hostNameQuirk, Always, hostNameFiles)
	}
	if p.Uname() != (Uname{}) {
		generated("uname", Always, map[string]string{"/proc/version": "version"})
	}
	for name, lie := range p.Files {
		all[name] = namedFile{FileLie: lie, lie: "files " + name}
	}
	for name, file := range all {
		if isPattern(name) {
			file.pattern = name
			all[name] = file
		}
	}
	return all
}

// filesystemFiles are where a filesystem's type and source show, for the
// machine as a whole.
var filesystemFiles = map[string]string{
	"/proc/filesystems": "filesystems",
	"/proc/partitions":  "partitions",
	"/proc/diskstats":   "diskstats",
}

// cgroupFiles are where cgroups show besides their mounts.
var cgroupFiles = map[string]string{
	"/proc/filesystems":               "filesystems",
	"/proc/cgroups":                   "cgroups",
	"/proc/[0-9]*/cgroup":             "process_cgroups",
	"/proc/[0-9]*/task/[0-9]*/cgroup": "process_cgroups",
}

// processFiles are where they show for each process and thread.
var processFiles = map[string]string{
	"/proc/*/mountinfo":         "mountinfo",
	"/proc/*/mounts":            "mounts",
	"/proc/*/mountstats":        "mountstats",
	"/proc/*/task/*/mountinfo":  "mountinfo",
	"/proc/*/task/*/mounts":     "mounts",
	"/proc/*/task/*/mountstats": "mountstats",
}

// node makes the node of a file lie; written is what has been written to the files of a
// pattern, nil for a plain name.
func (t *Tree) node(name string, f namedFile, written *writtenDocuments) *Node {
	n := &Node{
		Name:        name,
		Mode:        f.Mode,
		UID:         f.UID,
		GID:         f.GID,
		Ino:         inode(name),
		WhenMissing: f.When == Missing,
		WhenPresent: f.When == Present,
		Pattern:     f.pattern,
		Lie:         f.lie,
	}
	permissions := fs.FileMode(0o444)
	switch {
	case f.Content != nil:
		n.Content = written.document(name, *f.Content, f.Mode)
	case f.Generate != "":
		n.Content = &generated{tree: t, name: name, generator: generators[f.Generate]}
		if n.Program = f.Generate == itself; n.Program {
			permissions = 0o755
		}
	case f.Stream != "":
		n.Stream, n.Rdev = f.Stream, f.Device
		n.Mode |= fs.ModeDevice | fs.ModeCharDevice
		permissions = 0o644
	case f.Link != "":
		n.Target = f.Link
		n.Mode |= fs.ModeSymlink
		permissions = 0o777
	case f.Directory:
		n.Mode |= fs.ModeDir
		permissions = 0o755
	}
	if f.Mode == 0 {
		n.Mode |= permissions
	}
	return n
}

// sysctls are all that the profile serves by name.
func (p *Profile) sysctls() map[string]SysctlLie {
	named := maps.Clone(p.Sysctls)
	delete(named, "*")
	maps.DeleteFunc(named, func(_ string, lie SysctlLie) bool { return lie.Passthrough })
	return named
}

func (t *Tree) sysctlNode(path string, lie SysctlLie) *Node {
	typ, err := lie.sysctl(path)
	if err != nil {
		// Only a profile that was not made by Parse or Load can get here.
		typ = text("", 4096)
	}
	v := &variable{tree: t, typ: typ, missing: lie.When == Missing}
	if lie.Value != nil {
		v.value, v.set = *lie.Value, true
	}
	for _, name := range unameSysctls {
		if name == path {
			t.uname[path] = v
		}
	}
	name := "/proc/sys/" + path
	return &Node{
		Name:        name,
		Mode:        typ.mode,
		Ino:         inode(name),
		WhenMissing: lie.When == Missing,
		Content:     v,
		Lie:         "sysctls " + sysctlName(path),
	}
}
