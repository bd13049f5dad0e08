// Command shimrun runs another program where the kernel that it expects is not
// there. See the README for what that means, and `shimrun --help` for how.
//
// This package is the command line only: it turns flags into a [runtime.Plan]
// and hands that over.
//
//	arguments ─ app ─┬─ run ──── ground, fakefs ── Plan ─┬─ runtime.Run
//	        │        │                                   └─ --dry-run
//	        │        ├─ doctor ─ ground, fakefs, runtime.Probe
//	        │        ├─ validate ─ becomes shimrun-validate
//	        │        └─ profile, completion, man
//	        └─ a shell asks for completions: candidates, and nothing else
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/shimrun/shimrun/runtime"
)

func main() {
	runtime.Exit(execute(os.Args))
}

// A statusError ends shimrun with a status of its own; an empty message means
// that everything is said already.
type statusError struct {
	status  int
	message string
}

func (e *statusError) Error() string { return e.message }

// execute runs one command line, prints its error and returns the exit status.
func execute(args []string) int {
	if completes(args) { // before anything is done that a word could ask for
		_, variable := os.LookupEnv(completionVariable)
		return executeCompletion(args, variable, os.Stdout, os.Stderr)
	}
	if isCNI(args) {
		return executeCNI(os.Getenv("CNI_COMMAND"), os.Stdin, os.Stdout)
	}
	args = arrange(args)
	os.Args = args // where words are counted, and passed on to other runtimes
	if isOCI(args) {
		runtime.StepAside()
		return executeOCI(args)
	}
	err := newApp(os.Stdout, os.Stderr).Run(args)
	if err == nil {
		return 0
	}
	for _, mistake := range mistakes(err) {
		if line := oneLine(mistake); line != "" {
			fmt.Fprintln(os.Stderr, "shimrun:", line)
		}
	}
	var exit *runtime.ExitError
	var status *statusError
	switch {
	case errors.As(err, &exit):
		return exit.Code
	case errors.As(err, &status):
		return status.status
	}
	return runtime.StatusFailed
}

// mistakes are the errors that were found together, as those of a profile.
func mistakes(err error) []error {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		return list.Unwrap()
	}
	return []error{err}
}

// lineLimit is how much is said of one error, in bytes: words that were typed can
// be as long as the kernel takes them.
const lineLimit = 4000

// oneLine keeps an error on one line, whatever was quoted in it.
func oneLine(err error) string {
	line := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
	if len(line) > lineLimit {
		line = strings.ToValidUTF8(line[:lineLimit/2], "") + " … " + strings.ToValidUTF8(line[len(line)-lineLimit/2:], "")
	}
	return line
}
