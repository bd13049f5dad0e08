package acts

import "golang.org/x/sys/unix"

// Programs of 64 bits have no other way into the kernel here.

func call32Open(string, int) (int, error)        { return -1, unix.ENOSYS }
func call32Creat(string) (int, error)            { return -1, unix.ENOSYS }
func call32Truncate(string) error                { return unix.ENOSYS }
func call32Chmod(string, uint32) error           { return unix.ENOSYS }
func call32Openat(int, string, int) (int, error) { return -1, unix.ENOSYS }
func call32Mkdirat(int, string, uint32) error    { return unix.ENOSYS }
func call32Symlinkat(int, string) error          { return unix.ENOSYS }
