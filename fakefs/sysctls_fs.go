package fakefs

import "math"

// fsSysctls are those of fs/ (Documentation/admin-guide/sysctl/fs.rst).
func fsSysctls() sysctls {
	return sysctls{
		"fs/aio-max-nr":           long(65536),
		"fs/aio-nr":               long(0).readOnly(),
		"fs/dentry-state":         longs(31024, 18302, 45, 0, 9412, 0).readOnly(),
		"fs/dir-notify-enable":    integer(1),
		"fs/file-max":             long(math.MaxInt64).between(0, math.MaxInt64),
		"fs/file-nr":              longs(1024, 0, math.MaxInt64).readOnly(),
		"fs/inode-nr":             longs(28114, 312).readOnly(),
		"fs/inode-state":          longs(28114, 312, 0, 0, 0, 0, 0).readOnly(),
		"fs/lease-break-time":     integer(45),
		"fs/leases-enable":        integer(1),
		"fs/mount-max":            unsigned(100000).atLeast(1),
		"fs/nr_open":              unsigned(1048576).between(64, 2147483584),
		"fs/overflowgid":          integer(65534).between(0, 65535),
		"fs/overflowuid":          integer(65534).between(0, 65535),
		"fs/pipe-max-size":        unsigned(1048576).between(0, 1<<31),
		"fs/pipe-user-pages-hard": long(0),
		"fs/pipe-user-pages-soft": long(16384),
		"fs/protected_fifos":      integer(1).between(0, 2),
		"fs/protected_hardlinks":  boolean(1),
		"fs/protected_regular":    integer(2).between(0, 2),
		"fs/protected_symlinks":   boolean(1),
		"fs/suid_dumpable":        integer(0).between(0, 2),

		"fs/epoll/max_user_watches": long(1716551),

		"fs/fanotify/max_queued_events": integer(16384).atLeast(0),
		"fs/fanotify/max_user_groups":   integer(128).atLeast(0),
		"fs/fanotify/max_user_marks":    integer(66998).atLeast(0),

		"fs/inotify/max_queued_events":  integer(16384).atLeast(0),
		"fs/inotify/max_user_instances": integer(128).atLeast(0),
		"fs/inotify/max_user_watches":   integer(62987).atLeast(0),

		"fs/mqueue/msg_default":     integer(10).between(1, 65536),
		"fs/mqueue/msg_max":         integer(10).between(1, 65536),
		"fs/mqueue/msgsize_default": integer(8192).between(128, 16777216),
		"fs/mqueue/msgsize_max":     integer(8192).between(128, 16777216),
		"fs/mqueue/queues_max":      integer(256),

		"fs/quota/allocated_dquots": integer(0).readOnly(),
		"fs/quota/cache_hits":       integer(0).readOnly(),
		"fs/quota/drops":            integer(0).readOnly(),
		"fs/quota/free_dquots":      integer(0).readOnly(),
		"fs/quota/lookups":          integer(0).readOnly(),
		"fs/quota/reads":            integer(0).readOnly(),
		"fs/quota/syncs":            integer(0).readOnly(),
		"fs/quota/writes":           integer(0).readOnly(),
	}
}
