package shim

import "golang.org/x/sys/unix"

const (
	sysNewfstatat = unix.SYS_NEWFSTATAT
	sysGetdents   = unix.SYS_GETDENTS
	sysOpen       = unix.SYS_OPEN
	sysCreat      = unix.SYS_CREAT
	sysDup2       = unix.SYS_DUP2
)

// legacySpecs are the calls that only the older architectures have.
var legacySpecs = []Spec{
	{"open", unix.SYS_OPEN, (*Worker).open, needFiles, nil},
	{"creat", unix.SYS_CREAT, (*Worker).creat, needFiles, nil},
	{"stat", unix.SYS_STAT, (*Worker).stat, needFiles, nil},
	{"lstat", unix.SYS_LSTAT, (*Worker).lstat, needFiles, nil},
	{"access", unix.SYS_ACCESS, (*Worker).access, needFiles, nil},
	{"readlink", unix.SYS_READLINK, (*Worker).readlink, needLinks, nil},
	{"mkdir", unix.SYS_MKDIR, (*Worker).mkdir, needGroups | needFolders, nil},
	{"rmdir", unix.SYS_RMDIR, (*Worker).rmdir, needGroups, nil},
	{"unlink", unix.SYS_UNLINK, (*Worker).unlink, needGroups, nil},
	{"rename", unix.SYS_RENAME, (*Worker).rename, needGroups, nil},
	{"chmod", unix.SYS_CHMOD, (*Worker).chmod, needGroups, nil},
	{"chown", unix.SYS_CHOWN, (*Worker).chown, needGroups, nil},
	{"lchown", unix.SYS_LCHOWN, (*Worker).lchown, needGroups, nil},
	{"getdents", unix.SYS_GETDENTS, (*Worker).getdents, needFiles, nil},
}

var legacyHighSpecs = []Spec{{"dup2", unix.SYS_DUP2, (*Worker).highCopy, needWrites, nil}}

func followInterestLegacy(nr int) Interest {
	if nr == unix.SYS_DUP2 {
		return Recheck
	}
	return Ignore
}
