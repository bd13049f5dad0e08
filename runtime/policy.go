package runtime

import (
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/shimrun/shimrun/internal/procfs"
	"github.com/shimrun/shimrun/ptrace"
	"github.com/shimrun/shimrun/seccomp"
	"github.com/shimrun/shimrun/shim"
)

// policy is what the supervisor needs of a [shim.Shim].
type policy interface {
	Traps() []shim.Trap
	Timed() bool
	Snapshot() shim.Snapshot

	worker() seccomp.Worker
	tracer(zerolog.Logger) *ptrace.Tracer
	follower(zerolog.Logger) seccomp.Follower
	Unfollowed(fd int)
	seccomp.High
	MayServe()
	Adopted(process int)
	Writers() []int
	Unmount()
}

// newPolicy makes the plan's policy; a variable so that tests can have one of
// their own.
var newPolicy = func(plan Plan, log zerolog.Logger, g *guardian) (policy, error) {
	profile, err := plan.profile()
	if err != nil {
		return nil, err
	}
	machine, release := procfs.Hold()
	defer release()
	tree, err := profile.Tree(machine)
	if err != nil {
		return nil, err
	}
	s, err := shim.New(tree, shim.Options{
		Log:     log,
		Foreign: plan.Adopts,
		Timing:  plan.Stats || plan.StatsFile != "" || plan.Metrics != "",
		// The same once more while the policy is made, and what there is then afterwards.
		Mountinfo: machine.Mountinfo,
		Ledger:    ledger(),
		Made:      max(predecessors(keptMade), 0),
		Seen:      max(predecessors(keptSeen), 0),
		Kept: func(made, seen int) {
			if err := errors.Join(g.keep(keptMade, made), g.keep(keptSeen, seen)); err != nil {
				log.Warn().Err(err).Msg("what is handed out will be forgotten if the supervisor is killed")
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make the policy: %w", err)
	}
	return shimPolicy{s}, nil
}

type shimPolicy struct{ *shim.Shim }

func (p shimPolicy) worker() seccomp.Worker { return p.Shim.Worker() }

func (p shimPolicy) tracer(log zerolog.Logger) *ptrace.Tracer {
	go p.Shim.WatchMounts()
	return ptrace.New(p.Shim, log)
}

func (p shimPolicy) follower(log zerolog.Logger) seccomp.Follower {
	return ptrace.NewFollower(p.Shim, log)
}
