// Package container keeps what a runtime has to remember of its containers: a
// folder for each below a root, in the memory file system /run/shimrun unless
// told otherwise.
//
//	ROOT/ID/
//	  lock        held by the verb that changes the container
//	  state.json  what does not change by itself, replaced as a whole
//	  config.json the specification as it was at create
//	  waiting     locked by the container's process until its execve
//	  start       a FIFO: who writes to it lets the process go on
//
// A status is never written down: it follows from whether the process lives
// (its number and start time compared, so that a number that came to another
// process is never signalled) and whether it still holds its lock, which
// execve(2) gives back at the very moment when the program begins. So
// whatever dies, and when, the status is right:
//
//	            create                start             ends
//	creating ──────────▶ created ──────────▶ running ──────────▶ stopped
//	    └─ the creator died ──┴─ or the process ──────────────────▶
//
// The package runs nothing: package builtin does, or package delegate has
// another runtime do it.
package container
