package seccomp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// An Action is what a filter does with a trapped call.
type Action struct {
	verdict libseccomp.ScmpAction
}

// Notify hands the call to the filter's listener (SECCOMP_RET_USER_NOTIF).
func Notify() Action { return Action{libseccomp.ActNotify} }

// Trace hands the call to the ptrace tracer, with data as the event's message
// (SECCOMP_RET_TRACE). Without a tracer such a call fails with ENOSYS.
func Trace(data uint16) Action {
	return Action{libseccomp.ActTrace.SetReturnCode(int16(data))}
}

// instructionSize is sizeof(struct sock_filter), linux/filter.h.
const instructionSize = 8

// Program compiles traps into a BPF program for the native architecture.
//
// A trap's Only conditions are compared in the filter, on every kernel: one
// stop that they save pays for a hundred comparisons that no verdict cache
// spares.
//
// Calls of another architecture (i386 through int 0x80, x32 numbers) are
// allowed untouched: they are not served, and never killed.
func Program(traps []shim.Trap, action Action) ([]unix.SockFilter, error) {
	filter, err := libseccomp.NewFilter(libseccomp.ActAllow)
	if err != nil {
		return nil, fmt.Errorf("new filter: %w", err)
	}
	defer filter.Release()
	if err := filter.SetBadArchAction(libseccomp.ActAllow); err != nil {
		return nil, fmt.Errorf("set the action for other architectures: %w", err)
	}
	// A binary tree over the numbers: a trapped call passes log2(n)
	// comparisons. Since libseccomp 2.5; without it the program is a list.
	_ = filter.SetOptimize(2)

	for _, trap := range traps {
		if err := addTrap(filter, trap, action); err != nil {
			return nil, fmt.Errorf("trap %s (%d): %w", trap.Name, trap.Nr, err)
		}
	}
	return export(filter)
}

func addTrap(filter *libseccomp.ScmpFilter, trap shim.Trap, action Action) error {
	number, err := libseccomp.GetSyscallFromName(trap.Name)
	if err != nil {
		// A call younger than the libseccomp we were built with.
		number = libseccomp.ScmpSyscall(trap.Nr)
	}
	if trap.Only == nil {
		return filter.AddRule(number, action.verdict)
	}
	for _, only := range trap.Only {
		mask := only.Mask
		if mask == 0 {
			mask = ^uint64(0)
		}
		condition, err := libseccomp.MakeCondition(only.Arg, libseccomp.CompareMaskedEqual, mask, only.Value)
		if err != nil {
			return err
		}
		err = filter.AddRuleConditional(number, action.verdict, []libseccomp.ScmpCondition{condition})
		if err != nil {
			return err
		}
	}
	return nil
}

// export reads the compiled program back through a pipe: libseccomp writes
// struct sock_filter records, at most BPF_MAXINSNS (4096) of them, 32 KiB,
// which a pipe (64 KiB) holds.
func export(filter *libseccomp.ScmpFilter) ([]unix.SockFilter, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	exportErr := filter.ExportBPF(w)
	if err := errors.Join(exportErr, w.Close()); err != nil {
		return nil, fmt.Errorf("export the program: %w", err)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return Decode(raw)
}

// Encode gives a program as the bytes of an array of struct sock_filter, for
// the way from one process to another on the same machine.
func Encode(program []unix.SockFilter) []byte {
	raw := make([]byte, 0, len(program)*instructionSize)
	for _, ins := range program {
		raw = binary.NativeEndian.AppendUint16(raw, ins.Code)
		raw = append(raw, ins.Jt, ins.Jf)
		raw = binary.NativeEndian.AppendUint32(raw, ins.K)
	}
	return raw
}

// Decode is the inverse of [Encode].
func Decode(raw []byte) ([]unix.SockFilter, error) {
	if len(raw) == 0 || len(raw)%instructionSize != 0 {
		return nil, fmt.Errorf("a filter program of %d bytes: %w", len(raw), unix.EINVAL)
	}
	program := make([]unix.SockFilter, len(raw)/instructionSize)
	for i := range program {
		ins := raw[i*instructionSize:]
		program[i] = unix.SockFilter{
			Code: binary.NativeEndian.Uint16(ins),
			Jt:   ins[2],
			Jf:   ins[3],
			K:    binary.NativeEndian.Uint32(ins[4:]),
		}
	}
	return program, nil
}
