// Package ground finds out what the machine is like that shimrun stands on:
// what its kernel can do, which files it lacks, and what it calls its root.
//
//	Fact ── a round trip through the real kernel ──► Finding{Yes | No | Unknown, why}
//
// Every fact is worded so that a full Linux answers Yes, and is proven by
// trying, never by a version: kernels that are not Linux claim any version.
// `shimrun doctor` asks them all. `--profile auto` asks, at each start, those
// that the built-in profiles are matched by, and these cost a few system calls.
//
// The package only looks: it changes nothing that another process could see.
package ground
