// Package mounts is a mount namespace kept as a table: the kernel's own mounts,
// and above them those that somebody asked for and the kernel refused.
//
//	mount(2) ──▶ Bind · Tmpfs · Remount · Propagate · Umount
//	               │            each makes a new, immutable state
//	               ▼
//	names ─────▶ Find: which mount is a name in, and where does it really lie?
//	readers ───▶ AppendMountinfo, AppendMounts: what /proc/PID/… says
//
// A mount of the table has a point, where programs find it, and a backing,
// where its files really are. Where both are the same, no name has to be
// changed; else whoever follows names leads them from one to the other.
//
// The table touches no file: it neither makes, clears nor removes anything, and
// takes names that are resolved already. What programs call and who may call it
// is not known here (package shim), nor are lies about filesystem types (package
// fakefs): the lines are those that the kernel would write.
package mounts
