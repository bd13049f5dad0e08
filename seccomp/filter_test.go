package seccomp

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// run is the part of the kernel's BPF machine that libseccomp uses:
// struct seccomp_data in, verdict out (seccomp(2), linux/filter.h).
func run(t *testing.T, program []unix.SockFilter, nr, arch uint32, args [6]uint64) (verdict uint32, steps int) {
	t.Helper()
	data := make([]byte, 64)
	binary.NativeEndian.PutUint32(data, nr)
	binary.NativeEndian.PutUint32(data[4:], arch)
	for i, arg := range args {
		binary.NativeEndian.PutUint64(data[16+8*i:], arg)
	}
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		steps++
		ins := program[pc]
		jump := func(taken bool) {
			if taken {
				pc += int(ins.Jt)
			} else {
				pc += int(ins.Jf)
			}
		}
		switch ins.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a = binary.NativeEndian.Uint32(data[ins.K:])
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= ins.K
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(ins.K)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump(a == ins.K)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			jump(a >= ins.K)
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			jump(a > ins.K)
		case unix.BPF_RET | unix.BPF_K:
			return ins.K, steps
		default:
			t.Fatalf("instruction %d has code %#x, which this test does not know", pc, ins.Code)
		}
	}
	t.Fatal("the program ran past its end")
	return 0, 0
}

const (
	auditX8664   = 0xc000003e
	auditI386    = 0x40000003
	auditAarch64 = 0xc00000b7
)

func nativeArch() uint32 {
	if runtime.GOARCH == "arm64" {
		return auditAarch64
	}
	return auditX8664
}

func TestProgramTrapsWhatItIsToldTo(t *testing.T) {
	traps := []shim.Trap{
		{Name: "openat", Nr: unix.SYS_OPENAT},
		{Name: "statfs", Nr: unix.SYS_STATFS},
		{Name: "fstat", Nr: unix.SYS_FSTAT, Only: []shim.ArgEquals{
			{Arg: 0, Value: 1 << 40},
			{Arg: 2, Mask: 0x800, Value: 0x800},
		}},
		{Name: "a call that libseccomp does not know yet", Nr: 1023},
	}
	program, err := Program(traps, Notify())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what string
		nr   uint32
		arch uint32
		args [6]uint64
		want uint32
	}{
		{"trapped", unix.SYS_OPENAT, nativeArch(), [6]uint64{}, unix.SECCOMP_RET_USER_NOTIF},
		{"trapped whatever its arguments", unix.SYS_STATFS, nativeArch(), [6]uint64{1, 2, 3, 4, 5, 6}, unix.SECCOMP_RET_USER_NOTIF},
		{"not trapped", unix.SYS_READ, nativeArch(), [6]uint64{}, unix.SECCOMP_RET_ALLOW},
		{"an argument of 64 bits", unix.SYS_FSTAT, nativeArch(), [6]uint64{1 << 40}, unix.SECCOMP_RET_USER_NOTIF},
		{"its lower half only", unix.SYS_FSTAT, nativeArch(), [6]uint64{0}, unix.SECCOMP_RET_ALLOW},
		{"a masked argument", unix.SYS_FSTAT, nativeArch(), [6]uint64{0, 0, 0x1801}, unix.SECCOMP_RET_USER_NOTIF},
		{"without the bit", unix.SYS_FSTAT, nativeArch(), [6]uint64{0, 0, 0x1001}, unix.SECCOMP_RET_ALLOW},
		{"by number", 1023, nativeArch(), [6]uint64{}, unix.SECCOMP_RET_USER_NOTIF},
		{"i386 openat", 295, auditI386, [6]uint64{}, unix.SECCOMP_RET_ALLOW},
		{"i386, a number that is openat here", unix.SYS_OPENAT, auditI386, [6]uint64{}, unix.SECCOMP_RET_ALLOW},
		{"x32 openat", unix.SYS_OPENAT | x32Bit, nativeArch(), [6]uint64{}, unix.SECCOMP_RET_ALLOW},
		{"no number at all", ^uint32(0), nativeArch(), [6]uint64{}, unix.SECCOMP_RET_ALLOW},
	} {
		if got, _ := run(t, program, test.nr, test.arch, test.args); got != test.want {
			t.Errorf("%s: verdict %#x, want %#x", test.what, got, test.want)
		}
	}
}

func TestProgramTrace(t *testing.T) {
	program, err := Program([]shim.Trap{{Name: "openat", Nr: unix.SYS_OPENAT}}, Trace(0x7368))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := run(t, program, unix.SYS_OPENAT, nativeArch(), [6]uint64{})
	if want := uint32(unix.SECCOMP_RET_TRACE | 0x7368); got != want {
		t.Errorf("verdict %#x, want %#x", got, want)
	}
}

// A trapped call runs through the whole filter each time, for the kernel's
// cache holds only the verdict "allow": so the way to it is a tree, not a list.
func TestProgramIsShortForEveryCall(t *testing.T) {
	var traps []shim.Trap
	for nr := range 64 {
		traps = append(traps, shim.Trap{Name: "?", Nr: 2 * nr})
	}
	program, err := Program(traps, Notify())
	if err != nil {
		t.Fatal(err)
	}
	for nr := range uint32(128) {
		verdict, steps := run(t, program, nr, nativeArch(), [6]uint64{})
		if trapped := verdict == unix.SECCOMP_RET_USER_NOTIF; trapped != (nr%2 == 0) {
			t.Errorf("call %d: verdict %#x", nr, verdict)
		}
		if steps > 24 {
			t.Errorf("call %d takes %d steps", nr, steps)
		}
	}
}

func TestEncodeDecode(t *testing.T) {
	got, err := Decode(Encode(probeProgram))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(probeProgram, got); diff != "" {
		t.Error(diff)
	}
	if _, err := Decode([]byte{1, 2, 3}); err == nil {
		t.Error("three bytes are a program")
	}
}
