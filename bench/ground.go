package bench

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/ground"
)

// A Ground is a kernel, and the processors that programs get there.
type Ground struct {
	Name string `json:"name"`
	CPUs []int  `json:"cpus"`
}

// gVisorVersion is what uname(2) says in every gVisor. It serves as a name only:
// nothing is decided by it but what the ground is called, and that processors
// cannot be chosen there.
const gVisorVersion = "#1 SMP Sun Jan 10 15:06:54 PST 2016"

// Grounds are those of this machine: all processors, and one. Waking a thread
// on another processor can cost a virtual machine more than all the rest, so
// ratios are best taken from one.
//
// In gVisor a processor cannot be chosen from within: the sandbox as a whole has
// what it has.
func Grounds() ([]Ground, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("sched_getaffinity: %w", err)
	}
	var all []int
	for cpu := 0; len(all) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			all = append(all, cpu)
		}
	}
	kernel := "native"
	if ground.Look().Kernel.Version == gVisorVersion {
		kernel = "gvisor"
	}
	name := func(n int) string { return fmt.Sprintf("%s-%dcpu", kernel, n) }
	grounds := []Ground{{name(len(all)), all}}
	if kernel == "native" && len(all) > 1 {
		// The last one: interrupts tend to go to the first.
		grounds = append(grounds, Ground{name(1), all[len(all)-1:]})
	}
	return grounds, nil
}

// enter moves the calling thread, which is locked, and what it starts.
func (g *Ground) enter() error {
	var set unix.CPUSet
	for _, cpu := range g.CPUs {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("sched_setaffinity: %w", err)
	}
	runtime.Gosched()
	return nil
}
