package bench

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Contender is a way to run a program.
type Contender struct {
	Name, About string
	// Needs are the programs that have to be in PATH.
	Needs []string
	// Tells is what it can tell.
	Tells Telling
	// Floor names the contender in C that uses the same mechanism.
	Floor string
	// wrap gives what stands before the command.
	wrap func(*place) []string
	// program is one of the compiled programs that not every machine can compile.
	program string
	// only, where not nil, are the scenarios that it is made for.
	only []string
	// not are those that it cannot do.
	not []string
}

// Bare is the contender that all others are compared with.
const Bare = "bare"

// Contenders are all there are, in the order of reports.
func Contenders() []Contender {
	all := []Contender{
		{Name: Bare, About: "no interception", wrap: func(*place) []string { return nil }},
		{
			Name: "floor-notify", About: "C, user notification: read the name, answer",
			Tells: TellFile | TellFilesystem, wrap: floor("notify"),
		},
		{
			Name: "exact-notify", About: "the same, with what exactness and safety cost whoever wants them", Floor: "floor-notify",
			Tells: TellFile | TellFilesystem, wrap: floor("notify", "--exact", "yes"),
		},
		{
			Name: "exact-go", About: "the same in Go, and no more: what a supervisor costs all of whose calls go through Go", Floor: "floor-notify",
			program: goProgram, wrap: floor(goProgram), only: []string{"open", "open-relative", "stat", "sparse-open", "start"},
		},
		{
			Name: "shimrun-seccomp", About: "shimrun --backend seccomp", Floor: "floor-notify",
			Tells: TellFile | TellWrites | TellFilesystem, wrap: shimrun("seccomp"),
		},
		{
			Name: "floor-trace", About: "C, RET_TRACE filter and ptrace: read the name, answer",
			Tells: TellFile | TellFilesystem, wrap: floor("trace"),
		},
		{
			Name: "exact-trace", About: "the same, with one look-up of each name that is not served", Floor: "floor-trace",
			Tells: TellFile | TellFilesystem, wrap: floor("trace", "--exact", "yes"),
		},
		{
			Name: "floor-trace-exit", About: "the same, but what statfs says is changed at its exit",
			Tells: TellFilesystem, wrap: floor("trace", "--statfs", "exit"), only: []string{"statfs-lied"},
		},
		{
			Name: "shimrun-ptrace", About: "shimrun --backend ptrace", Floor: "floor-trace",
			Tells: TellFile | TellWrites | TellFilesystem, wrap: shimrun("ptrace"),
		},
		{
			Name: "naive", About: "C, ptrace without a filter: every call stops twice", Floor: "floor-trace",
			Tells: TellFile | TellFilesystem, wrap: floor("trace", "--every", "yes"), not: []string{"kubeserver"},
		},
		{
			Name: "strace-bpf", About: "strace -f --seccomp-bpf, of the calls that shimrun stops", Floor: "floor-trace",
			Needs: []string{"strace"}, not: []string{"kubeserver"},
			wrap: func(p *place) []string {
				return []string{"strace", "-f", "--seccomp-bpf", "-e", "trace=" + p.trapped(trapName), "-o", "/dev/null"}
			},
		},
		{
			Name: "strace", About: "strace -f, of all calls", Floor: "floor-trace",
			Needs: []string{"strace"}, not: []string{"kubeserver"},
			wrap: func(*place) []string { return []string{"strace", "-f", "-o", "/dev/null"} },
		},
		{
			Name: "proot", About: "proot -b, one file", Floor: "floor-trace",
			Needs: []string{"proot"}, Tells: TellFile, not: []string{"kubeserver"},
			wrap: func(p *place) []string {
				return []string{"proot", "-b", filepath.Join(p.dir, "served") + ":" + servedName}
			},
		},
		{
			Name: "bwrap", About: "bwrap --bind, one file", Needs: []string{"bwrap"}, Tells: TellFile, not: []string{"kubeserver"},
			wrap: func(p *place) []string {
				return []string{"bwrap", "--dev-bind", "/", "/", "--bind", filepath.Join(p.dir, "served"), servedName, "--"}
			},
		},
		{
			Name: "fuse", About: "bindfs over the work folder, and a file of it over the sysctl: a FUSE filesystem that passes all on",
			Needs: []string{"bindfs", "unshare"}, Tells: TellFile, not: []string{"kubeserver"},
			wrap: func(p *place) []string {
				return []string{"unshare", "--mount", "sh", "-c", passedOnByFUSE, p.dir, servedName}
			},
		},
	}
	return append(all, filterContenders()...)
}

// passedOnByFUSE runs a command in a folder that bindfs has laid over itself. With the
// mount goes the last that the filesystem's own process lives for.
const passedOnByFUSE = `bindfs "$0" "$0" && mount --bind "$0/served" "$1" && cd "$PWD" || exit 125
file=$1; shift
"$@"
status=$?
cd /; umount -l "$file" "$0"
exit $status`

// takes tells whether a contender has a place in a scenario.
func (c *Contender) takes(s *Scenario) bool {
	switch {
	case s.Own:
		return c.Name == Bare || slices.Contains(c.only, s.Name)
	case c.only != nil && !slices.Contains(c.only, s.Name), slices.Contains(c.not, s.Name):
		return false
	case s.Server && c.floors():
		return false // they know no signals, and a server ends by one
	}
	return c.Name == Bare || c.Tells&s.Tells == s.Tells
}

// floors tells whether a contender is a floor, bare or exact.
func (c *Contender) floors() bool {
	return strings.HasPrefix(c.Name, "floor-") || strings.HasPrefix(c.Name, "exact-")
}

// floor is one of the C programs, with shimrun's traps and lies.
func floor(program string, flags ...string) func(*place) []string {
	return func(p *place) []string {
		args := append([]string{filepath.Join(p.programs, program)}, flags...)
		args = append(args, "--traps", p.trapped(trapNumber), "--file", servedName+"="+servedText)
		if p.realMagic != 0 {
			args = append(args, "--fs", strconv.FormatInt(p.realMagic, 16)+"="+strconv.FormatInt(p.toldMagic, 16))
		}
		return append(args, "--")
	}
}

func shimrun(backend string) func(*place) []string {
	return func(p *place) []string {
		return []string{p.shimrun, "--backend", backend, "--profile", profile, "--fs", p.lie(), "--no-args", "--"}
	}
}
