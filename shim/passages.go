package shim

import (
	"maps"
	"sync"

	"golang.org/x/sys/unix"
)

// base is a passage with nothing in it but where the name is.
func base(dirfd, path int, kind passageKind, rule followRule, flags int) passage {
	return passage{dirfd: dirfd, path: path, dirfd2: -1, path2: -1, flags: flags, nofollow: rule, kind: kind, out: -1, size: -1, mode: -1}
}

func (p passage) withMode(arg int) passage         { p.mode = arg; return p }
func (p passage) with(in map[int]int) passage      { p.in = in; return p }
func (p passage) second(dirfd2, path2 int) passage { p.dirfd2, p.path2 = dirfd2, path2; return p }
func (p passage) into(out, size int) passage       { p.out, p.size = out, size; return p }
func (p passage) sized(in, size int) passage       { p.in[in], p.size = -1, size; return p }
func passes(p passage) *passage                    { return &p }
func xattr(kind passageKind, r followRule) passage {
	return base(-1, 0, kind, r, -1).with(map[int]int{1: 0})
}
func changing(dirfd, path int, r followRule) passage { return base(dirfd, path, changes, r, -1) }

// passages are the calls that pass through mounts, by name. The calls that open
// files and tell their attributes have handlers of their own.
var passages = sync.OnceValue(func() map[string]*passage {
	all := map[string]*passage{
		"mkdirat":     passes(base(0, 1, creates, followsNot, -1).withMode(2)),
		"mknodat":     passes(base(0, 1, creates, followsNot, -1).withMode(2)),
		"symlinkat":   passes(base(1, 2, creates, followsNot, -1).with(map[int]int{0: 0})),
		"unlinkat":    passes(base(0, 1, removes, followsNot, -1)),
		"renameat":    passes(base(0, 1, moves, followsNot, -1).second(2, 3)),
		"renameat2":   passes(base(0, 1, moves, followsNot, -1).second(2, 3)),
		"linkat":      passes(base(0, 1, links, followsBit, 4).second(2, 3)),
		"fchmodat":    passes(changing(0, 1, follows)),
		"fchmodat2":   passes(base(0, 1, changes, followsNoBit, 3)),
		"fchownat":    passes(base(0, 1, changes, followsNoBit, 4)),
		"utimensat":   passes(base(0, 1, changes, followsNoBit, 3).with(map[int]int{2: 32})),
		"truncate":    passes(changing(-1, 0, follows)),
		"faccessat":   passes(base(0, 1, accesses, follows, -1)),
		"faccessat2":  passes(base(0, 1, accesses, followsNoBit, 3)),
		"readlinkat":  passes(base(0, 1, looks, followsNot, -1).into(2, 3)),
		"getxattr":    passes(xattr(looks, follows).into(2, 3)),
		"lgetxattr":   passes(xattr(looks, followsNot).into(2, 3)),
		"setxattr":    passes(xattr(changes, follows).sized(2, 3)),
		"lsetxattr":   passes(xattr(changes, followsNot).sized(2, 3)),
		"listxattr":   passes(base(-1, 0, looks, follows, -1).into(1, 2)),
		"llistxattr":  passes(base(-1, 0, looks, followsNot, -1).into(1, 2)),
		"removexattr": passes(xattr(changes, follows)), "lremovexattr": passes(xattr(changes, followsNot)),
	}
	maps.Copy(all, legacyPassages())
	return all
})

// mountSpecs are the calls that only a mount table needs to see.
var mountSpecs = []Spec{
	{"mkdirat", unix.SYS_MKDIRAT, nil, needVirtual, nil},
	{"mknodat", unix.SYS_MKNODAT, nil, needVirtual, nil},
	{"symlinkat", unix.SYS_SYMLINKAT, nil, needVirtual, nil},
	{"unlinkat", unix.SYS_UNLINKAT, nil, needVirtual, nil},
	{"renameat", unix.SYS_RENAMEAT, nil, needVirtual, nil},
	{"renameat2", unix.SYS_RENAMEAT2, nil, needVirtual, nil},
	{"linkat", unix.SYS_LINKAT, nil, needVirtual, nil},
	{"fchmodat", unix.SYS_FCHMODAT, nil, needVirtual, nil},
	{"fchmodat2", unix.SYS_FCHMODAT2, nil, needVirtual, nil},
	{"fchownat", unix.SYS_FCHOWNAT, nil, needVirtual, nil},
	{"utimensat", unix.SYS_UTIMENSAT, nil, needVirtual, nil},
	{"fsopen", unix.SYS_FSOPEN, (*Worker).newMountCall, needVirtual, nil},
	{"fspick", unix.SYS_FSPICK, (*Worker).newMountCall, needVirtual, nil},
	{"open_tree", unix.SYS_OPEN_TREE, (*Worker).newMountCall, needVirtual, nil},
	{"mount_setattr", unix.SYS_MOUNT_SETATTR, (*Worker).newMountCall, needVirtual, nil},
}
