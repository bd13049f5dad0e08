// Package share bounds the work that a process does for another one in a
// control group: it gets as much of the processors as that group, and no more.
//
//	…/pod/CONTAINER            cpu.max 5000 100000     the container
//	…/pod/CONTAINER.shimrun    cpu.max 5000 100000     who works for it
//
// The worker is beside the group and not in it. There it would count as one of
// the container's processes: against its limits of memory and of processes, which
// the container is to have for itself, and where the group is frozen or removed.
// What the groups above are limited to, a pod's, counts for both.
package share
