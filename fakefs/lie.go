package fakefs

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// Lie is one thing that a profile tells otherwise than the kernel, in words
// for people.
type Lie struct {
	// Name is the setting, such as "kernel.panic" or "/dev/kmsg"; Kind the
	// profile's section that it stands in.
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Real is what the kernel has, Told what the program sees.
	Real string `json:"real"`
	Told string `json:"told"`
	// From is the place in the profile, empty where it is not known.
	From string `json:"from,omitempty"`
}

// Lies lists all that the profile tells, section by section, sorted by name.
func (p *Profile) Lies() []Lie {
	var all []Lie
	add := func(kind, name, key, real, told string) {
		from := ""
		if at := p.place(kind, key); at.File != "" {
			from = at.String()
		}
		all = append(all, Lie{Name: name, Kind: kind, Real: real, Told: told, From: from})
	}
	for _, path := range slices.Sorted(maps.Keys(p.Sysctls)) {
		lie := p.Sysctls[path]
		add("sysctls", sysctlName(path), path, realWhen(lie.When), lie.told(path))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		lie := p.Files[name]
		add("files", name, name, realWhen(lie.When), lie.told())
	}
	for _, typ := range slices.Sorted(maps.Keys(p.Filesystems)) {
		lie := p.Filesystems[typ]
		add("filesystems", typ, typ, "filesystems of type "+typ,
			fmt.Sprintf("%s on %sN, N the device number", lie.Report.Type, lie.Report.Source))
	}
	if p.Memory.Total != 0 {
		add("memory", "total", "total", "the machine's memory", fmt.Sprintf("%d MiB", p.Memory.Total>>20))
	}
	if p.Memory.Swap != 0 {
		add("memory", "swap", "swap", "the machine's swap", fmt.Sprintf("%d MiB", p.Memory.Swap>>20))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Cgroups.Controllers)) {
		add("cgroups", name, name, "no mount of the controller", cgroupTold[name])
	}
	for _, name := range slices.Sorted(maps.Keys(p.Quirks)) {
		add("quirks", name, name, Quirks[name], "worked around")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Calls)) {
		told := unix.ErrnoName(p.Calls[name])
		if told == "" {
			told = "success"
		}
		add("calls", name, name, "the kernel's answer", told)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Programs)) {
		add("programs", name, name, "a file "+name+" is executed", "shimrun is, under that name and with the same arguments")
	}
	if p.VirtualMounts() {
		add("mounts", "virtual", "", "mount(2) and umount2(2) that fail with EPERM for want of CAP_SYS_ADMIN",
			"tmpfs, bind mounts, remounts and propagation in a table of shimrun's")
	}
	return all
}

// realWhen says in words for which real state a lie is told.
func realWhen(when When) string {
	switch when {
	case Missing:
		return "missing"
	case Present:
		return "present"
	}
	return "anything"
}

func (lie SysctlLie) told(path string) string {
	typ, _ := lie.sysctl(path)
	switch {
	case lie.Passthrough:
		return "the real kernel's"
	case path == "*":
		return "the kernel's default"
	case lie.Value != nil:
		return *lie.Value
	case lie.When == Missing && typ.derive == nil:
		return typ.value
	}
	return "the real kernel's or its default, until written"
}

func (lie FileLie) told() string {
	switch {
	case lie.Content != nil:
		return fmt.Sprintf("a file of %d bytes", len(*lie.Content))
	case lie.Generate != "":
		return generators[lie.Generate].tells
	case lie.Stream != "":
		return "a log that all programs share and that never ends"
	case lie.Link != "":
		return "a link to " + lie.Link
	}
	return "a folder"
}
