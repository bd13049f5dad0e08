package seccomp

import "golang.org/x/sys/unix"

// ownArch is what a notification of this architecture's calls says.
const ownArch = unix.AUDIT_ARCH_AARCH64

// sysNewfstatat is newfstatat(2).
const sysNewfstatat = unix.SYS_FSTATAT
