package builtin

import (
	"bytes"
	"errors"
	"os"
	"strconv"

	"github.com/shimrun/shimrun/runtime"
)

// errServed is why a container is not told what it asked for.
var errServed = errors.New("a shimrun around this one serves the container, with its own profile")

// ServedAround tells whether this process is traced by the supervisor of a
// shimrun around it, as below a containerd that runs under shimrun. A process
// has one tracer, which its children get too: that one serves the container, and
// there can be no other. The kernel says who it is, and no environment that
// could be old or lost.
func ServedAround() bool {
	pid := runtime.TracerOf(os.Getpid())
	if pid == 0 {
		return false
	}
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return err == nil && string(bytes.TrimSpace(name)) == runtime.SupervisorComm
}
