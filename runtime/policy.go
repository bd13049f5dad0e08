package runtime

import (
	"fmt"

	"github.com/rs/zerolog"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/seccomp"
	"github.com/shimrun/shimrun/shim"
)

// policy is what the supervisor needs of a [shim.Shim].
type policy interface {
	Traps() []shim.Trap
	Timed() bool
	Close() error
	worker() seccomp.Worker
}

// newPolicy makes the plan's policy; a variable so that tests can have one of
// their own.
var newPolicy = func(plan Plan, log zerolog.Logger) (policy, error) {
	s, err := shim.New(&fakefs.Tree{}, shim.Options{
		Log:    log,
		Timing: plan.Stats || plan.StatsFile != "" || plan.Metrics != "",
	})
	if err != nil {
		return nil, fmt.Errorf("make the policy: %w", err)
	}
	return shimPolicy{s}, nil
}

type shimPolicy struct{ *shim.Shim }

func (p shimPolicy) worker() seccomp.Worker { return p.Shim.Worker() }
