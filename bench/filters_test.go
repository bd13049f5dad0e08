package bench

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/ptrace"
	"github.com/shimrun/shimrun/seccomp"
)

// In old gVisor each call of a program runs through the whole filter, in an
// interpreter and with nothing remembered. So the number of instructions that an
// untrapped call passes is what a filter costs there.
func TestFilterIsShortForEveryCall(t *testing.T) {
	p := &place{dir: t.TempDir(), realType: "ext4", toldType: "xfs"}
	if err := p.findTraps(); err != nil {
		t.Fatal(err)
	}
	program, err := seccomp.Program(append(p.traps, ptrace.Traps()...), seccomp.Trace(ptrace.FilterData))
	if err != nil {
		t.Fatal(err)
	}
	trapped := map[uint32]bool{}
	conditional := map[uint32]bool{}
	for _, trap := range append(p.traps, ptrace.Traps()...) {
		trapped[uint32(trap.Nr)] = trap.Only == nil
		conditional[uint32(trap.Nr)] = trap.Only != nil
	}
	most := 0
	for nr := range uint32(600) {
		steps, verdict, arguments := execute(t, program, nr)
		if (verdict != seccompAllow) != trapped[nr] && !conditional[nr] {
			t.Errorf("call %d: verdict %#x, trapped %t", nr, verdict, trapped[nr])
		}
		if arguments != conditional[nr] {
			t.Errorf("call %d: reads arguments %t", nr, arguments)
		}
		if !conditional[nr] {
			most = max(most, steps)
		}
	}
	if most > 16 {
		t.Errorf("a call passes %d instructions of %d; docs/performance.md says at most 16", most, len(program))
	}
	t.Logf("%d instructions, at most %d of them for a call", len(program), most)
}

const seccompAllow = 0x7fff0000 // SECCOMP_RET_ALLOW

// execute runs a filter for a call with the given number, whose arguments are 0.
func execute(t *testing.T, program []unix.SockFilter, nr uint32) (steps int, verdict uint32, arguments bool) {
	t.Helper()
	const arch, argument0 = 4, 16 // offsets in struct seccomp_data
	var a uint32
	for pc := 0; ; {
		ins := program[pc]
		steps++
		pc++
		jump := func(condition bool) {
			if condition {
				pc += int(ins.Jt)
			} else {
				pc += int(ins.Jf)
			}
		}
		switch ins.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			switch {
			case ins.K == 0:
				a = nr
			case ins.K == arch:
				a = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
			case ins.K >= argument0:
				a, arguments = 0, true
			}
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump(a == ins.K)
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			jump(a > ins.K)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			jump(a >= ins.K)
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(ins.K)
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= ins.K
		case unix.BPF_RET | unix.BPF_K:
			return steps, ins.K, arguments
		default:
			t.Fatalf("instruction %d: code %#x", pc-1, ins.Code)
		}
	}
}
