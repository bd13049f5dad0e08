// Package bench measures what interception costs: shimrun, the floor of each
// mechanism, and other programs that intercept system calls, side by side.
//
//	Scenario    what is done       open a file in a loop, git status, start /bin/true …
//	Contender   under whom         nobody, a floor in C, shimrun, strace, proot …
//	Ground      where              all processors, one processor; in gVisor, what there is
//
//	every cell of the three ── Round, shuffled ── Round, shuffled ── … ──▶ Result
//	   one Sample: CONTENDER victim OPERATION …                             │
//	               prints NANOSECONDS OPERATIONS                            ▼
//	                                            tables, JSON, text for benchstat, a page
//
// The measured programs are in C (floor/), for their loops must be tight and
// their start cheap: a victim that repeats one operation and times itself, and
// spawn, which times whole commands. The floors beside them are the smallest
// supervisors that do the same work: what a mechanism costs whoever uses it.
//
// All cells are visited in each round, in an order of its own, so that what
// disturbs the machine for a while disturbs all alike. A ratio compares samples
// of the same round, and is doubted where rounds disagree.
//
// Not for: finding out where time goes (docs/performance.md says how that was
// done), and not for benchmarks of Go code, which stand beside that code.
package bench
