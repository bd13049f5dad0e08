// Package counts holds shimrun to the number of things that it does for one
// call of a program: how often the program stops, and which system calls the
// supervisor makes for it. Counts are exact on any machine, however busy, and a
// call too many is what makes a shim slow.
//
// The table in docs/performance.md is what is held. Natively strace(1) counts
// what the supervisor does; in gVisor its own log of system calls.
package counts
