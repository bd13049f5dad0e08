// Command shimrun runs another program where the kernel that it expects is not
// there. See the README for what that means, and `shimrun --help` for how.
//
// This package is the command line only: it turns flags into a [runtime.Plan]
// and hands that over.
//
//	arguments ─ app ─┬─ run ──── ground, fakefs ── Plan ─┬─ runtime.Run
//	                 │                                   └─ --dry-run
//	                 ├─ doctor ─ ground, fakefs, runtime.Probe
//	                 └─ profile, completion, man
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
)

// exitFailure is the status when shimrun itself failed, as env(1) and docker
// have it: a status that few commands use for themselves.
const exitFailure = 125

func main() {
	os.Exit(execute(os.Args))
}

// execute runs one command line, prints its error and returns the exit status.
func execute(args []string) int {
	err := newApp(os.Stdout, os.Stderr).Run(args)
	if err == nil {
		return 0
	}
	var status cli.ExitCoder
	code := exitFailure
	if errors.As(err, &status) {
		code = status.ExitCode()
	}
	if message := err.Error(); message != "" {
		fmt.Fprintln(os.Stderr, "shimrun:", message)
	}
	return code
}
