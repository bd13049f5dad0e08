package shim

import "golang.org/x/sys/unix"

const (
	sysNewfstatat = unix.SYS_FSTATAT
	sysGetdents   = unix.SYS_GETDENTS64
	// No number of a call: it has openat only.
	sysOpen  = -100
	sysCreat = -101
	sysDup2  = -102
)

var legacySpecs []Spec

var legacyHighSpecs []Spec

func followInterestLegacy(int) Interest { return Ignore }
