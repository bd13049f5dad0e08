package builtin

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// joinKeyring gives the process a session keyring that is the container's,
// keyrings(7): with its caller's it would have its caller's keys. A further
// process joins the same one by its name, as with runc.
func (i *initProcess) joinKeyring() {
	if i.Keyring == "" {
		return
	}
	ring, err := unix.KeyctlJoinSessionKeyring(i.Keyring)
	if err == nil && i.Join == nil {
		err = letUserSearch(ring)
	}
	if err != nil {
		i.lack("session keyring", os.NewSyscallError("keyctl", err))
	}
}

// letUserSearch lets the container's user, who is somebody else than its maker,
// find what is in a keyring.
func letUserSearch(ring int) error {
	const userSearch = 0x00080000 // KEY_USR_SEARCH, linux/keyctl.h
	// "type;uid;gid;permissions;description", keyctl_describe(3)
	text, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, ring)
	if err != nil {
		return err
	}
	fields := strings.SplitN(text, ";", 5)
	if len(fields) < 5 {
		return unix.EINVAL
	}
	permissions, err := strconv.ParseUint(fields[3], 16, 32)
	if err != nil {
		return unix.EINVAL
	}
	return unix.KeyctlSetperm(ring, uint32(permissions)|userSearch)
}
