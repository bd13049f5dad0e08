package seccomp

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

// Rules are written for the calls that there are when they are written. A call
// that came later gets the default action, and programs that try a new call
// first and take an older one at ENOSYS fail at an EPERM. runc answers ENOSYS
// for every number above the highest that the rules name, and so do we.

// x32Bit marks the calls of x32, which have the architecture of x86-64 (asm/unistd.h).
const x32Bit = 0x40000000

// machine is an architecture as a filter sees it: the value of
// seccomp_data.arch, and where it has two tables of calls, their offset.
type machine struct {
	audit  uint32
	offset uint32
}

// machines are those that a kernel of ours has programs of.
var machines = map[libseccomp.ScmpArch]machine{
	libseccomp.ArchAMD64: {unix.AUDIT_ARCH_X86_64, 0},
	libseccomp.ArchX32:   {unix.AUDIT_ARCH_X86_64, x32Bit},
	libseccomp.ArchX86:   {unix.AUDIT_ARCH_I386, 0},
	libseccomp.ArchARM64: {unix.AUDIT_ARCH_AARCH64, 0},
	libseccomp.ArchARM:   {unix.AUDIT_ARCH_ARM, 0},
}

// unknown gives instructions that stand before a program of the rules: they end
// with ENOSYS for each call above the highest that the rules name, and go on to
// the program for all others. Rules that allow what they do not name need none.
func unknown(rules *specs.LinuxSeccomp, arches []libseccomp.ScmpArch) []unix.SockFilter {
	switch rules.DefaultAction {
	case specs.ActAllow, specs.ActLog, specs.ActTrace:
		return nil
	}
	highest := map[uint32]map[uint32]uint32{} // by audit value and offset
	for _, arch := range arches {
		m, ours := machines[arch]
		number := highestNamed(rules, arch)
		if !ours || number <= 0 {
			continue
		}
		if highest[m.audit] == nil {
			highest[m.audit] = map[uint32]uint32{}
		}
		highest[m.audit][m.offset] = uint32(number) | m.offset
	}
	var sections []unix.SockFilter
	for _, audit := range slices.Sorted(maps.Keys(highest)) {
		numbers := highest[audit]
		section := []unix.SockFilter{field(offsetNr)}
		if number, named := numbers[x32Bit]; named {
			section = append(section, above(number)...)
		}
		if number, named := numbers[0]; named {
			// What is x32's is left to its own comparison, or to the program.
			section = append(section, compare(unix.BPF_JGE, x32Bit, 2, 0))
			section = append(section, above(number)...)
		}
		// Loaded for each: close of x32 has the number that is i386's value.
		sections = append(sections, field(offsetArch), compare(unix.BPF_JEQ, audit, 0, uint8(len(section))))
		sections = append(sections, section...)
	}
	return sections
}

// highestNamed is the highest number that the rules name; libseccomp has
// negative ones for calls that an architecture lacks.
func highestNamed(rules *specs.LinuxSeccomp, arch libseccomp.ScmpArch) libseccomp.ScmpSyscall {
	highest := libseccomp.ScmpSyscall(-1)
	for _, rule := range rules.Syscalls {
		for _, name := range rule.Names {
			if number, err := libseccomp.GetSyscallFromNameByArch(name, arch); err == nil {
				highest = max(highest, number&^x32Bit)
			}
		}
	}
	return highest
}

// The fields of struct seccomp_data, linux/seccomp.h.
const (
	offsetNr   = 0
	offsetArch = 4
)

func field(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func compare(how uint16, value uint32, taken, not uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | how | unix.BPF_K, Jt: taken, Jf: not, K: value}
}

// above ends with ENOSYS where the number is above another one.
func above(number uint32) []unix.SockFilter {
	return []unix.SockFilter{
		compare(unix.BPF_JGT, number, 0, 1),
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
	}
}

// archNamed is an architecture by the name that the specification has for it.
func archNamed(name specs.Arch) (libseccomp.ScmpArch, error) {
	arch, err := libseccomp.GetArchFromString(strings.ToLower(strings.TrimPrefix(string(name), "SCMP_ARCH_")))
	if err != nil {
		return libseccomp.ArchInvalid, fmt.Errorf("architectures: %s: %w", name, err)
	}
	return arch, nil
}

// architectures are those of the rules, and the machine's own, which libseccomp
// adds by itself.
func architectures(rules *specs.LinuxSeccomp) ([]libseccomp.ScmpArch, error) {
	native, err := libseccomp.GetNativeArch()
	if err != nil {
		return nil, fmt.Errorf("architectures: %w", err)
	}
	all := []libseccomp.ScmpArch{native}
	for _, name := range rules.Architectures {
		arch, err := archNamed(name)
		if err != nil {
			return nil, err
		}
		if arch != native {
			all = append(all, arch)
		}
	}
	return all, nil
}
