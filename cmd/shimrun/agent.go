package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/runtime/agent"
)

func agentCommand() *cli.Command {
	return &cli.Command{
		Name: "agent", Usage: "answer the calls of containers that other OCI runtimes make", Category: ociCategory,
		Description: `Listens at a socket that seccomp rules name as their listenerPath, and answers
the calls for which these rules say SCMP_ACT_NOTIFY. The container's annotation
io.shimrun.profile chooses what it is told, among the profiles that are allowed.
It may be ended and started again without a running container noticing.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "socket", Value: "/run/shimrun/agent.sock", Usage: "the socket (`PATH`)"},
			&cli.StringSliceFlag{Name: "profile", EnvVars: []string{"SHIMRUN_PROFILE"}, Usage: "what containers are told whose annotation chooses nothing else (`NAME|FILE`, repeatable)"},
			allowFlag(),
			&cli.StringFlag{Name: "log-file", Usage: "append the log to `FILE` instead of writing it to standard error"},
			&cli.BoolFlag{Name: "debug", Usage: "log more"},
		},
		Action: runAgent,
	}
}

func runAgent(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	out := os.Stderr
	file, err := absolute("log-file", c.String("log-file"))
	if err != nil {
		return err
	}
	if file != "" {
		if out, err = os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644); err != nil {
			return err
		}
		defer out.Close()
	}
	listener, err := agent.Listen(c.String("socket"))
	if err != nil {
		return fmt.Errorf("--socket: %w", err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGINT, unix.SIGTERM)
	go func() {
		<-stop
		listener.Close() // and the socket with it; the supervisors go on
	}()
	log := zerolog.New(out).With().Timestamp().Logger()
	plan := runtime.LogPlan{File: file, Format: "json", Level: logLevel(c)}
	// taking is held by all that take a process over, and waited for at the end.
	var taking sync.RWMutex
	defer taking.Lock()
	for {
		conn, err := listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			if agent.Await(conn) == nil {
				taking.RLock()
				defer taking.RUnlock()
			}
			serveRuntime(c, conn, plan, log)
		}()
	}
}

// serveRuntime takes one process from a runtime. A mistake of one runtime's is
// no reason to leave the others alone.
func serveRuntime(c *cli.Context, conn *net.UnixConn, log runtime.LogPlan, logger zerolog.Logger) {
	defer conn.Close()
	process, err := agent.Receive(conn)
	if err != nil {
		logger.Error().Err(err).Msg("a runtime connected, and handed nothing over")
		return
	}
	entry := logger.With().Str("container", process.State.ID).Int("pid", process.Pid).Logger()
	profile, err := containerProfile(c, &specs.Spec{Annotations: process.State.Annotations, Process: &specs.Process{Args: []string{""}}})
	if err != nil {
		entry.Error().Err(err).Msg("its profile cannot be used; the kernel answers its calls")
	}
	if err != nil || len(profile) == 0 {
		// A profile that tells nothing: each call is left to the kernel. Without
		// a listener they would all fail.
		profile = []byte("name: nothing\n")
	}
	supervisor, err := process.Adopt(runtime.Plan{Profile: profile, Log: log})
	if err != nil {
		entry.Error().Err(err).Msg("no supervisor: its calls fail")
		return
	}
	entry.Info().Int("supervisor", supervisor).Msg("serves a process")
}
