package shim

import "golang.org/x/sys/unix"

func legacyPassages() map[string]*passage {
	legacy := map[string]*passage{}
	for name, p := range map[string]passage{
		"mkdir":     base(-1, 0, creates, followsNot, -1).withMode(1),
		"mknod":     base(-1, 0, creates, followsNot, -1).withMode(1),
		"symlink":   base(-1, 1, creates, followsNot, -1).with(map[int]int{0: 0}),
		"unlink":    base(-1, 0, removes, followsNot, -1),
		"rmdir":     base(-1, 0, removes, followsNot, -1),
		"rename":    base(-1, 0, moves, followsNot, -1).second(-1, 1),
		"link":      base(-1, 0, links, followsNot, -1).second(-1, 1),
		"chmod":     changing(-1, 0, follows),
		"chown":     changing(-1, 0, follows),
		"lchown":    changing(-1, 0, followsNot),
		"utime":     changing(-1, 0, follows).with(map[int]int{1: 16}),
		"utimes":    changing(-1, 0, follows).with(map[int]int{1: 32}),
		"futimesat": changing(0, 1, follows).with(map[int]int{2: 32}),
		"access":    base(-1, 0, accesses, follows, -1),
		"readlink":  base(-1, 0, looks, followsNot, -1).into(1, 2),
	} {
		legacy[name] = &p
	}
	return legacy
}

var legacyMountSpecs = []Spec{
	{"mkdir", unix.SYS_MKDIR, nil, needVirtual, nil},
	{"mknod", unix.SYS_MKNOD, nil, needVirtual, nil},
	{"symlink", unix.SYS_SYMLINK, nil, needVirtual, nil},
	{"unlink", unix.SYS_UNLINK, nil, needVirtual, nil},
	{"rmdir", unix.SYS_RMDIR, nil, needVirtual, nil},
	{"rename", unix.SYS_RENAME, nil, needVirtual, nil},
	{"link", unix.SYS_LINK, nil, needVirtual, nil},
	{"chmod", unix.SYS_CHMOD, nil, needVirtual, nil},
	{"chown", unix.SYS_CHOWN, nil, needVirtual, nil},
	{"lchown", unix.SYS_LCHOWN, nil, needVirtual, nil},
	{"utime", unix.SYS_UTIME, nil, needVirtual, nil},
	{"utimes", unix.SYS_UTIMES, nil, needVirtual, nil},
	{"futimesat", unix.SYS_FUTIMESAT, nil, needVirtual, nil},
}
