package shim

import "golang.org/x/sys/unix"

const (
	sysNewfstatat = unix.SYS_NEWFSTATAT
	sysGetdents   = unix.SYS_GETDENTS
)

// legacySpecs are the calls that only the older architectures have.
var legacySpecs = []Spec{
	{"open", unix.SYS_OPEN, (*Worker).open, needFiles, nil},
	{"creat", unix.SYS_CREAT, (*Worker).creat, needFiles, nil},
	{"stat", unix.SYS_STAT, (*Worker).stat, needFiles, nil},
	{"lstat", unix.SYS_LSTAT, (*Worker).lstat, needFiles, nil},
	{"access", unix.SYS_ACCESS, (*Worker).access, needFiles, nil},
	{"readlink", unix.SYS_READLINK, (*Worker).readlink, needLinks, nil},
	{"getdents", unix.SYS_GETDENTS, (*Worker).getdents, needFiles, nil},
}

func followInterestLegacy(nr int) Interest {
	if nr == unix.SYS_DUP2 {
		return Recheck
	}
	return Ignore
}
