package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
)

// The test binary is the launcher too, started with -launch and a plan, and
// each of the victims, see victim_test.go.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "-launch" {
		os.Exit(launchMain(os.Args[2]))
	}
	if len(os.Args) >= 3 && os.Args[1] == "-victim" {
		os.Exit(victims[os.Args[2]](os.Args[3:]))
	}
	os.Exit(m.Run())
}

func launchMain(document string) int {
	var plan Plan
	if err := json.Unmarshal([]byte(document), &plan); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return StatusFailed
	}
	err := Run(plan)
	fmt.Fprintln(os.Stderr, "shimrun:", err)
	var exit *ExitError
	if errors.As(err, &exit) {
		return exit.Code
	}
	return StatusFailed
}
