package shim

import "golang.org/x/sys/unix"

// identity tells one object of one filesystem from all others, under whatever
// name it was reached.
type identity struct{ dev, ino uint64 }

func identityOf(st *unix.Stat_t) identity { return identity{uint64(st.Dev), st.Ino} }
