package acts

import "golang.org/x/sys/unix"

// There are neither addresses of 32 bits nor ports: mapLow gets any memory, and
// vhangup(2) is another call for root alone.
const (
	map32Bit = 0
	portCall = unix.SYS_VHANGUP
)
