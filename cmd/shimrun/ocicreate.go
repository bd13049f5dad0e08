package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime/builtin"
	"github.com/shimrun/shimrun/runtime/bundle"
	"github.com/shimrun/shimrun/runtime/container"
	"github.com/shimrun/shimrun/runtime/delegate"
)

// failedVerb names the verb that failed, unless another runtime has said all.
func failedVerb(verb string, err error) error {
	var status *statusError
	if errors.As(err, &status) {
		return err
	}
	return fmt.Errorf("shimrun %s failed: %w", verb, err)
}

// creationFlags are those of create, and with a few more of run.
func creationFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Value: ".", Usage: "the folder with config.json (`DIR`)"},
		&cli.StringFlag{Name: "console-socket", Usage: "unix socket that gets the terminal's master (`SOCKET`)"},
		&cli.StringFlag{Name: "pid-file", Usage: "write the process's number to `FILE`"},
		&cli.BoolFlag{Name: "no-pivot", Usage: "do not use pivot_root, for a root on a ramdisk"},
		&cli.BoolFlag{Name: "no-new-keyring", Usage: "do not make a session keyring"},
		&cli.IntFlag{Name: "preserve-fds", Usage: "pass `N` more descriptors to the container"},
	}
}

func ociCreateCommand() *cli.Command {
	return &cli.Command{
		Name: "create", Usage: "create a container", ArgsUsage: "ID", Flags: creationFlags(),
		Action: func(c *cli.Context) error {
			id, err := needID(c)
			if err != nil {
				return err
			}
			made, err := create(c, id, true)
			if err != nil {
				return failedVerb("create", err)
			}
			made.Unlock()
			return nil
		},
	}
}

func ociStartCommand() *cli.Command {
	return &cli.Command{
		Name: "start", Usage: "have a created container's program begin", ArgsUsage: "ID",
		Action: func(c *cli.Context) error {
			if _, err := needID(c); err != nil {
				return err
			}
			made, err := lockContainer(c)
			if err != nil {
				return err
			}
			defer made.Unlock()
			if made.Mode == delegate.Mode {
				return engineOf(c, made).Become("start", made.ID)
			}
			return builtin.Start(made)
		},
	}
}

// create makes a container for create and run.
func create(c *cli.Context, id string, detached bool) (*container.Container, error) {
	if err := container.CheckID(id); err != nil {
		return nil, err
	}
	b, err := bundle.Load(c.String("bundle"))
	if err != nil {
		return nil, err
	}
	to, err := chooseRuntime(c)
	if err != nil {
		return nil, err
	}
	if to.runtime != "" {
		made, _, err := delegateCreation(c, id, b, to, "create")
		return made, err
	}
	socket, err := consoleSocket(c, b.Spec.Process.Terminal, detached)
	if err != nil {
		return nil, err
	}
	if socket != nil {
		defer socket.Close()
	}
	return createWith(c, id, b, builtin.Streams{Console: socket, PreserveFDs: preservedFDs(c)})
}

func createWith(c *cli.Context, id string, b *bundle.Bundle, streams builtin.Streams) (*container.Container, error) {
	store, err := ociStore(c)
	if err != nil {
		return nil, err
	}
	profile, err := containerProfile(c, b.Spec)
	if err != nil {
		return nil, err
	}
	made, err := builtin.Create(store, id, b, builtin.Options{
		Streams:      streams,
		Profile:      profile,
		Asked:        asksForProfile(c, b.Spec),
		Backend:      orDefault(c.String("backend"), "auto"),
		Strict:       c.Bool("strict"),
		NoPivot:      c.Bool("no-pivot"),
		NoNewKeyring: c.Bool("no-new-keyring"),
		PidFile:      c.String("pid-file"),
		Warn:         logOf(c).warn,
		LogFormat:    "json",
		LogLevel:     logLevel(c),
	})
	if err != nil {
		return nil, err
	}
	warnOfLacks(c, made)
	return made, nil
}

func logLevel(c *cli.Context) string {
	if c.Bool("debug") {
		return "debug"
	}
	return "warn"
}

// warnOfLacks says once what a container lacks.
func warnOfLacks(c *cli.Context, made *container.Container) {
	if len(made.Lacks) == 0 {
		return
	}
	message := fmt.Sprintf("container %s lacks:", made.ID)
	for _, lack := range made.Lacks {
		message += fmt.Sprintf(" %s (%s);", lack.What, lack.Why)
	}
	logOf(c).warn(message[:len(message)-1])
}

// preservedFDs counts systemd's sockets as well, as runc does.
func preservedFDs(c *cli.Context) int {
	n := c.Int("preserve-fds")
	if listen, err := strconv.Atoi(os.Getenv("LISTEN_FDS")); err == nil && listen > 0 {
		n += listen
	}
	return n
}

// consoleSocket connects to the socket that gets the terminal.
func consoleSocket(c *cli.Context, terminal, detached bool) (*os.File, error) {
	name := c.String("console-socket")
	switch {
	case terminal && detached && name == "":
		return nil, errors.New("cannot allocate tty if shimrun will detach without setting console socket")
	case name != "" && (!terminal || !detached):
		return nil, errors.New("cannot use console socket if shimrun will not detach or allocate tty")
	case name == "":
		return nil, nil
	}
	conn, err := net.Dial("unix", name)
	if err != nil {
		return nil, fmt.Errorf("--console-socket: %w", err)
	}
	defer conn.Close()
	f, err := conn.(*net.UnixConn).File()
	if err != nil {
		return nil, fmt.Errorf("--console-socket: %w", err)
	}
	return f, nil
}
