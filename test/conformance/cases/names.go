package cases

import (
	"sort"
	"strings"
)

// Names gives each symbol of the table a path.
type Names map[string]string

// Real names the kernel's own sysctls, one of each kind. As the oracle they are
// the real files; a profile that serves the same names "always" must look the same.
var Real = Names{
	"range":  "/proc/sys/vm/panic_on_oom",         // int, 0 to 2
	"int":    "/proc/sys/kernel/panic",            // int without a range
	"long":   "/proc/sys/vm/admin_reserve_kbytes", // unsigned long
	"vector": "/proc/sys/kernel/printk",           // four ints
	"string": "/proc/sys/kernel/core_pattern",     // text of at most 127 bytes
	"const":  "/proc/sys/kernel/ngroups_max",      // mode 0444
	"secret": "/proc/sys/net/core/bpf_jit_harden", // mode 0600, int, 0 to 2
	"keys":   "/proc/sys/kernel/keys",             // a directory
	"one":    "/proc/sys/fs/epoll",                // a directory with one file
}

// Fresh names files that no kernel has, of the same kinds.
var Fresh = Names{
	"range":  "/proc/sys/shim/test/range",
	"int":    "/proc/sys/shim/test/int",
	"long":   "/proc/sys/shim/test/long",
	"vector": "/proc/sys/shim/test/vector",
	"string": "/proc/sys/shim/test/string",
	"const":  "/proc/sys/shim/test/const",
	"secret": "/proc/sys/shim/test/secret",
	"keys":   "/proc/sys/shim/keys",
	"one":    "/proc/sys/shim/one",
}

// Keys are the files of the "keys" directory.
var Keys = []string{"gc_delay", "maxbytes", "maxkeys", "persistent_keyring_expiry", "root_maxbytes", "root_maxkeys"}

// Path turns a symbolic path such as "keys/maxkeys" or "range/." into a real
// one. Absolute paths stand for themselves.
func (n Names) Path(symbolic string) string {
	if symbolic == "" || symbolic[0] == '/' {
		return symbolic
	}
	head, rest, slash := strings.Cut(symbolic, "/")
	p, ok := n[head]
	if !ok {
		panic("no symbol " + head)
	}
	if slash {
		p += "/" + rest
	}
	return p
}

// Normal puts symbols in the place of paths, so that records of different
// names compare equal.
func (n Names) Normal(s string) string {
	symbols := make([]string, 0, len(n))
	for symbol, name := range n {
		// Mount points and the like differ by ground, not by oracle.
		if strings.HasPrefix(name, "/proc/sys/") {
			symbols = append(symbols, symbol)
		}
	}
	// Longer paths first: one may begin with another.
	sort.Slice(symbols, func(i, j int) bool { return len(n[symbols[i]]) > len(n[symbols[j]]) })
	for _, symbol := range symbols {
		s = strings.ReplaceAll(s, n[symbol], "{"+symbol+"}")
	}
	return s
}
