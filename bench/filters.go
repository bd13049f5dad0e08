package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/ptrace"
	"github.com/shimrun/shimrun/seccomp"
	"github.com/shimrun/shimrun/shim"
)

// programFile holds the filter that shimrun's ptrace backend would load.
const programFile = "filter.bpf"

// filterContenders are the kinds of filters that may make every call dearer.
func filterContenders() []Contender {
	var all []Contender
	add := func(name, about string, args ...string) {
		all = append(all, Contender{
			Name: "filter-" + name, About: about, only: []string{"filters"},
			wrap: func(p *place) []string {
				wrapped := []string{filepath.Join(p.programs, "filtered")}
				for _, arg := range args {
					if arg == programFile {
						arg = filepath.Join(p.dir, programFile)
					}
					wrapped = append(wrapped, arg)
				}
				return append(wrapped, "--")
			},
		})
	}
	add("tracer", "no filter, but seized by a tracer", "--tracer", "yes", "none")
	add("allow", "one instruction: allow", "allow")
	add("allow-traced", "the same, and a tracer", "--tracer", "yes", "allow")
	add("numbers", "the call's number compared 100 times, 200 instructions", "numbers", "100")
	add("numbers-traced", "the same, and a tracer", "--tracer", "yes", "numbers", "100")
	add("long", "the number compared 1,000 times", "numbers", "1000")
	add("argument", "an argument of another call compared", "argument")
	add("argument-traced", "the same, and a tracer", "--tracer", "yes", "argument")
	add("arguments", "an argument of every call read", "arguments")
	add("arguments-traced", "the same, and a tracer", "--tracer", "yes", "arguments")
	add("shimrun", "the filter of shimrun's ptrace backend, no tracer", "program", programFile)
	add("shimrun-traced", "the same, and a tracer that lets everything pass", "--tracer", "yes", "program", programFile)
	return all
}

// writeProgram writes shimrun's own filter for the program filtered, without
// its traps of execve: where no tracer is, they would answer ENOSYS to the
// filtered program's own start, and what a filter costs an untrapped call does
// not hang on two comparisons of its number.
func (p *place) writeProgram() error {
	traps := slices.DeleteFunc(append(slices.Clone(p.traps), ptrace.Traps()...), func(t shim.Trap) bool {
		return t.Nr == unix.SYS_EXECVE || t.Nr == unix.SYS_EXECVEAT
	})
	program, err := seccomp.Program(traps, seccomp.Trace(ptrace.FilterData))
	if err != nil {
		return fmt.Errorf("compile the filter: %w", err)
	}
	return os.WriteFile(filepath.Join(p.dir, programFile), seccomp.Encode(program), 0o644)
}
