package cases

var raceCases = []Case{
	{
		// A second thread changes one byte of the path while the calls are
		// made: each must end as one of both names would.
		Name: "race/one-byte", Calls: "openat newfstatat faccessat",
		Run: func(r *Record) { r.Program("race", "byte", r.Path("keys")+"/maxkeys") },
	},
	{
		// The name changes between a served file and the kernel's own. A shim
		// that lets the kernel do the call lets it read the name again, so the
		// kernel may not find what only the shim has: ENOENT is no third file.
		Name: "race/served-or-real", Calls: "openat",
		Run: func(r *Record) {
			dir := links(r)
			r.Program("race", "links", dir, r.Path("const"), "/proc/self/comm")
		},
	},
	{
		Name: "race/unmapped", Calls: "openat newfstatat munmap",
		Run: func(r *Record) { r.Program("race", "unmap", r.Path("const")) },
	},
	{
		Name: "race/directory-moves", Calls: "openat chdir",
		Run: func(r *Record) { r.Program("race", "chdir", r.Path("keys"), "maxkeys") },
	},
	{
		Name: "race/descriptor-changes", Calls: "openat dup2",
		Run: func(r *Record) { r.Program("race", "dirfd", r.Path("keys"), "maxkeys") },
	},
}
