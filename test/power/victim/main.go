// Command victim tries acts of package acts, each as one caller, and prints what
// came of each as a line of JSON.
//
//	victim guard -dir DIR … -- COMMAND…   outside of the shim: makes the scene, and
//	   │                                  says afterwards whether the kernel's own files
//	   ▼                                  are as they were
//	victim stage -dir DIR -caller CALLER ACT…   under the shim, as root: has acts tried, looks
//	   │                                  after each what others see, and puts it back
//	   ▼
//	victim become CALLER ──▶ victim actor       under the shim, as the caller: tries them
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"time"
)

// A Line is what a victim prints.
type Line struct {
	// Start is the act that is tried next.
	Start string `json:",omitempty"`
	// Act has come to Outcome, and Changes are what root sees of it.
	Act     string   `json:",omitempty"`
	Outcome string   `json:",omitempty"`
	Changes []string `json:",omitempty"`
	// Faults are what is wrong whatever is tried.
	Faults []string `json:",omitempty"`
	// Done is the last line of a stage.
	Done bool `json:",omitempty"`
}

// Threads end with what was tried on them, and the first one must not.
func init() { runtime.LockOSThread() }

func main() {
	verbs := map[string]func([]string) error{
		"guard": guard, "stage": stage, "become": become, "divide": divide, "actor": actor, "alone": alone, "race": raced,
		"aim": aim, "groups": groups, "overwrite": overwrite, "sleep": sleep, "held": held, "outrun": outrun,
	}
	if len(os.Args) < 2 || verbs[os.Args[1]] == nil {
		fatal(fmt.Errorf("no such verb in %q", os.Args))
	}
	if err := verbs[os.Args[1]](os.Args[2:]); err != nil {
		fatal(fmt.Errorf("%s: %w", os.Args[1], err))
	}
}

func say(line Line) {
	text, err := json.Marshal(line)
	if err != nil {
		fatal(err)
	}
	// In one piece: what a child prints meanwhile must not get in between.
	_, _ = os.Stdout.Write(append(text, '\n'))
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "victim:", err)
	os.Exit(2)
}

// sleep is a process that others try things with.
func sleep([]string) error {
	for {
		time.Sleep(time.Hour)
	}
}
