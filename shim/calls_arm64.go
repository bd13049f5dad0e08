package shim

import "golang.org/x/sys/unix"

const (
	sysNewfstatat = unix.SYS_FSTATAT
	sysGetdents   = unix.SYS_GETDENTS64
)

var legacySpecs []Spec

var legacyOpens map[string]ArgEquals

func followInterestLegacy(int) Interest { return Ignore }
