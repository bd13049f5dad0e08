package shells

import (
	"strings"
	"testing"
)

// TAB completes, and runs nothing.
func TestTab(t *testing.T) {
	for _, shell := range allShells {
		t.Run(shell.name, func(t *testing.T) {
			s := shell.start(t)
			for _, test := range []struct{ typed, want string }{
				// What is shimrun's own.
				{"shimrun --ba", "shimrun --backend "},
				{"shimrun --backend pt", "shimrun --backend ptrace "},
				{"shimrun --backend=pt", "shimrun --backend=ptrace "},
				{"shimrun --set kernel.panic=1 --backend pt", "shimrun --set kernel.panic=1 --backend ptrace "},
				{"shimrun profile che", "shimrun profile check "},
				{"shimrun profile check endl", "shimrun profile check endless.yaml "},
				{"shimrun --profile endl", "shimrun --profile endless.yaml "},
				{"shimrun doctor mytoo", "shimrun doctor mytool "},
				{"shimrun run --bun", "shimrun run --bundle "},
				// What is the command's.
				{"shimrun mytoo", "shimrun mytool "},
				{"shimrun mytool sta", "shimrun mytool status "},
				{"shimrun -- mytool sta", "shimrun -- mytool status "},
				{"shimrun --set kernel.panic=1 --backend=auto -- mytool sta", "shimrun --set kernel.panic=1 --backend=auto -- mytool status "},
				{"shimrun -- shimrun --stats mytool sta", "shimrun -- shimrun --stats mytool status "},
				{"shimrun -- ./deploy.sh pro", `shimrun -- ./deploy.sh production\ text `},
				{"shimrun ./deploy.sh --x pro", `shimrun ./deploy.sh --x production\ text `},
				{"shimrun --set kernel.panic=1 -- ./deploy.sh pro", `shimrun --set kernel.panic=1 -- ./deploy.sh production\ text `},
				// What there is nothing for.
				{"shimrun run ./depl", "shimrun run ./depl"},
				{"shimrun exec id ./depl", "shimrun exec id ./depl"},
				{"shimrun delete --force x", "shimrun delete --force x"},
				{"shimrun agent x", "shimrun agent x"},
				{"shimrun validate x", "shimrun validate x"},
				{"shimrun --profile ./endless.yaml --set x", "shimrun --profile ./endless.yaml --set x"},
				{"shimrun -- ./deploy.sh $(./deploy.sh) `./deploy.sh` x", "shimrun -- ./deploy.sh $(./deploy.sh) `./deploy.sh` x"},
			} {
				if shell.name == "fish" && strings.Contains(test.typed, "`") {
					continue // no substitution there
				}
				if got := s.complete(test.typed); got != test.want {
					t.Errorf("%q becomes %q, want %q", test.typed, got, test.want)
				}
				notRun(t, s.folder, test.typed)
			}
		})
	}
}

// A command's own function gets the line that it would get without shimrun.
// bash-completion, where it is there, leaves a blank before it.
func TestFunctionGetsItsLine(t *testing.T) {
	s := allShells[0].start(t)
	s.complete("mytool --a=b sta")
	want := s.await("told")
	s.complete("shimrun --set  kernel.panic=1 -- mytool --a=b sta")
	if got := s.await("told"); got != want {
		t.Errorf("it gets %q, want %q", got, want)
	}
}
