package acts

import "golang.org/x/sys/unix"

const (
	map32Bit = unix.MAP_32BIT
	portCall = unix.SYS_IOPL
)
