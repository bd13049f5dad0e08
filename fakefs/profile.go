package fakefs

import (
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// When says for which state of the real machine a lie is told.
type When string

const (
	// Always serves a file whatever the kernel has.
	Always When = "always"
	// Missing serves a file only where the kernel has none.
	Missing When = "missing"
	// Present changes a file only where the kernel has it.
	Present When = "present"
)

// Profile is one declaration of lies, decoded or merged. It is not changed
// after it was made.
type Profile struct {
	Name        string
	Description string
	// Extends names profiles (built-in, or paths beside this one) that this one
	// builds on. Empty once [Load] has merged them in.
	Extends []string
	Match   Match
	// Sysctls by their slashed name below /proc/sys; "*" stands for all that
	// shimrun knows. The uname and passthrough sections are kept here as well:
	// they say nothing that a sysctl does not say.
	Sysctls map[string]SysctlLie
	// Files by absolute name, which may be a pattern.
	Files map[string]FileLie
	// Filesystems by the type that the kernel reports.
	Filesystems map[string]FilesystemLie
	Memory      Memory
	Cgroups     Cgroups
	// Quirks are work-arounds for calls that the kernel gets wrong; see [Quirks].
	Quirks map[string]bool
	// Calls are answered with a fixed errno, 0 for success.
	Calls map[string]unix.Errno
	// Links is "exact" where readlink(2) of served descriptors is trapped too,
	// "kernel" (the default) where it is not.
	Links string
	// Mounts is "virtual" where mount(2) and umount2(2) that the kernel refuses for
	// want of CAP_SYS_ADMIN are answered by a table of the shim's own, "kernel"
	// (the default) where they are not.
	Mounts string
	// Programs are files of which shimrun is executed in their place, by the last
	// component of their names.
	Programs map[string]Program
	// Arguments are added to commands that start with the given words.
	Arguments map[string][]Argument

	// at has the place of every setting, by key ("sysctls kernel/panic").
	at map[string]Place
}

// Match says for which machines and commands --profile auto takes a profile:
// for any of the commands (base names; none means any), and any of the lacks.
type Match struct {
	Commands []string
	Lacks    []string
}

// SysctlLie is what a profile says about one sysctl.
type SysctlLie struct {
	// Type is empty for the sysctls that shimrun knows, else the type of one
	// that the profile brings itself.
	Type string
	// Value is what it says before anybody writes; nil for the real kernel's
	// value or, where that is missing, the default.
	Value    *string
	Min, Max *int64
	// Mode holds the permission bits; 0 for the type's own.
	Mode fs.FileMode
	When When
	// Passthrough leaves the sysctl to the real kernel.
	Passthrough bool
}

// FileLie is what a profile says about one file. Exactly one of Content,
// Generate, Stream, Link and Directory is set.
type FileLie struct {
	Content   *string
	Generate  string
	Stream    string
	Link      string
	Directory bool
	Mode      fs.FileMode
	UID, GID  uint32
	// Device is a stream's device number, as unix.Mkdev makes it.
	Device uint64
	When   When
}

// FilesystemLie says that a filesystem of one type is reported as another.
type FilesystemLie struct {
	// Type and Magic (statfs f_type, linux/magic.h) are the real ones.
	Type  string
	Magic int64
	// Report is what is told instead.
	Report FilesystemReport
}

// FilesystemReport is the told identity of a filesystem.
type FilesystemReport struct {
	Type  string
	Magic int64
	// Source is the device name before its number, such as /dev/shim.
	Source string
}

// Memory is the told size of memory and swap in bytes; 0 tells the real size.
type Memory struct {
	Total, Swap uint64
}

// Uname is what uname(2) tells; an empty string tells the real one.
type Uname struct {
	Sysname, Nodename, Release, Version, Machine, Domainname string
}

// unameSysctls are the sysctls that uname(2) repeats (kernel/utsname_sysctl.c).
var unameSysctls = map[string]string{
	"sysname":    "kernel/ostype",
	"nodename":   "kernel/hostname",
	"release":    "kernel/osrelease",
	"version":    "kernel/version",
	"machine":    "kernel/arch",
	"domainname": "kernel/domainname",
}

// Uname is what the profile declares for uname(2), by its uname section or by
// the sysctls that repeat it.
func (p *Profile) Uname() Uname {
	told := func(field string) string {
		if lie := p.Sysctls[unameSysctls[field]]; lie.Value != nil && lie.When == Always {
			return *lie.Value
		}
		return ""
	}
	return Uname{
		Sysname:    told("sysname"),
		Nodename:   told("nodename"),
		Release:    told("release"),
		Version:    told("version"),
		Machine:    told("machine"),
		Domainname: told("domainname"),
	}
}

// Quirk tells whether the profile asks for a work-around.
func (p *Profile) Quirk(name string) bool { return p.Quirks[name] }

// Exact tells whether readlink(2) of served descriptors has to be trapped.
func (p *Profile) Exact() bool { return p.Links == "exact" }

// VirtualMounts tells whether mounts that the kernel refuses are made in a table.
func (p *Profile) VirtualMounts() bool { return p.Mounts == "virtual" }

// Empty tells whether the profile changes nothing, so that a command can be
// executed without any shim.
func (p *Profile) Empty() bool {
	for _, lie := range p.Sysctls {
		if !lie.Passthrough {
			return false
		}
	}
	return len(p.Files) == 0 && len(p.Filesystems) == 0 && p.Memory == (Memory{}) &&
		len(p.Quirks) == 0 && len(p.Calls) == 0 && len(p.Programs) == 0 && len(p.Cgroups.Controllers) == 0 && !p.VirtualMounts()
}

// place is where a setting was made.
func (p *Profile) place(section, name string) Place {
	return p.at[section+" "+name]
}

// sysctlName is the way sysctl(8) writes a name below /proc/sys: separators
// become dots, and dots within a component slashes.
func sysctlName(path string) string { return swapSeparators.Replace(path) }

// sysctlPath is the name below /proc/sys of a sysctl written in either of the
// ways of sysctl.d(5), or with /proc/sys before it.
func sysctlPath(name string) string {
	if rest, ok := strings.CutPrefix(name, "/proc/sys/"); ok {
		return rest
	}
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '/' {
		return name
	}
	return swapSeparators.Replace(name)
}

var swapSeparators = strings.NewReplacer("/", ".", ".", "/")
