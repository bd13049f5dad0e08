package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime/builtin"
	"github.com/shimrun/shimrun/runtime/bundle"
	"github.com/shimrun/shimrun/runtime/container"
	"github.com/shimrun/shimrun/runtime/delegate"
)

func ociExecCommand() *cli.Command {
	return &cli.Command{
		Name: "exec", Usage: "run a further process in a container", ArgsUsage: "ID COMMAND [ARG...]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "console-socket", Usage: "unix socket that gets the terminal's master (`SOCKET`)"},
			&cli.StringFlag{Name: "cwd", Usage: "working directory in the container (`DIR`)"},
			&cli.StringSliceFlag{Name: "env", KeepSpace: true, Aliases: []string{"e"}, Usage: "set an environment variable (`NAME=VALUE`, repeatable)"},
			&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Usage: "give it a terminal"},
			&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "user and group, as numbers (`UID[:GID]`)"},
			&cli.IntSliceFlag{Name: "additional-gids", Aliases: []string{"g"}, Usage: "further groups (`GID`, repeatable)"},
			&cli.StringFlag{Name: "process", Aliases: []string{"p"}, Usage: "take all of it from a process.json (`FILE`)"},
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "do not wait for its end"},
			&cli.StringFlag{Name: "pid-file", Usage: "write the process's number to `FILE`"},
			&cli.StringFlag{Name: "process-label", Usage: "SELinux label (`LABEL`)"},
			&cli.StringFlag{Name: "apparmor", Usage: "AppArmor profile (`PROFILE`)"},
			&cli.BoolFlag{Name: "no-new-privs", Usage: "set no_new_privs"},
			&cli.StringSliceFlag{Name: "cap", Aliases: []string{"c"}, Usage: "add a capability (`NAME`, repeatable)"},
			&cli.IntFlag{Name: "preserve-fds", Usage: "pass `N` more descriptors to the process"},
			&cli.StringSliceFlag{Name: "cgroup", Usage: "run it in a control group below the container's (mode delegate) (`PATH`)"},
			&cli.BoolFlag{Name: "ignore-paused", Usage: "also in a paused container"},
		},
		Action: func(c *cli.Context) error {
			status, err := execInContainer(c)
			var said *statusError
			if errors.As(err, &said) {
				return said
			}
			if err != nil {
				return &statusError{255, "exec failed: " + oneLine(err)}
			}
			if status != 0 {
				return &statusError{status: status}
			}
			return nil
		},
	}
}

func execInContainer(c *cli.Context) (status int, err error) {
	least := 2
	if c.String("process") != "" {
		least = 1
	}
	if _, err := needArguments(c, least, -1); err != nil {
		return 0, err
	}
	made, err := openContainer(c)
	if err != nil {
		return 0, err
	}
	if made.Mode == delegate.Mode {
		return delegateExec(c, made)
	}
	if len(c.StringSlice("cgroup")) > 0 {
		return 0, unsupported("--cgroup in mode builtin", "a further process joins those of the container itself")
	}
	process, err := execProcess(c, made)
	if err != nil {
		return 0, err
	}
	detached := c.Bool("detach")
	socket, err := consoleSocket(c, process.Terminal, detached)
	if err != nil {
		return 0, err
	}
	opts := builtin.ExecOptions{
		Streams: builtin.Streams{Console: socket, PreserveFDs: preservedFDs(c)},
		Process: process, LogFormat: "json", LogLevel: logLevel(c), PidFile: c.String("pid-file"),
		Strict: c.Bool("strict"), Warn: logOf(c).warn,
	}
	if detached {
		if socket != nil {
			defer socket.Close()
		}
		_, err := builtin.Exec(made, opts)
		return 0, err
	}
	return accompany(process.Terminal, func(console *os.File) (int, error) {
		opts.Console, opts.Relayed = console, true
		p, err := builtin.Exec(made, opts)
		return p.PID, err
	})
}

// execProcess is the process that the flags describe: a process.json, or the
// container's own with changes.
func execProcess(c *cli.Context, made *container.Container) (*specs.Process, error) {
	if name := c.String("process"); name != "" {
		return bundle.ReadProcess(name)
	}
	p, err := builtin.Process(made)
	if err != nil {
		return nil, err
	}
	p.Args = c.Args().Tail()
	p.Terminal = c.Bool("tty")
	if cwd := c.String("cwd"); cwd != "" {
		p.Cwd = cwd
	}
	if label := c.String("process-label"); label != "" {
		p.SelinuxLabel = label
	}
	if profile := c.String("apparmor"); profile != "" {
		p.ApparmorProfile = profile
	}
	if c.IsSet("no-new-privs") {
		p.NoNewPrivileges = c.Bool("no-new-privs")
	}
	for _, variable := range c.StringSlice("env") {
		if !strings.Contains(variable, "=") {
			return nil, fmt.Errorf("--env needs NAME=VALUE, not %q", variable)
		}
		p.Env = append(p.Env, variable)
	}
	if err := setExecUser(p, c.String("user")); err != nil {
		return nil, err
	}
	for _, gid := range c.IntSlice("additional-gids") {
		if gid < 0 {
			return nil, fmt.Errorf("--additional-gids must be positive, not %d", gid)
		}
		p.User.AdditionalGids = append(p.User.AdditionalGids, uint32(gid))
	}
	return p, builtin.AddCapabilities(p, c.StringSlice("cap"))
}

func setExecUser(p *specs.Process, user string) error {
	if user == "" {
		return nil
	}
	uid, gid, given := strings.Cut(user, ":")
	n, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		return errors.New("parsing uid as int for uid:gid failed; --user takes numbers, UID[:GID]")
	}
	p.User.UID = uint32(n)
	if given {
		if n, err = strconv.ParseUint(gid, 10, 32); err != nil {
			return errors.New("parsing gid as int for uid:gid failed; --user takes numbers, UID[:GID]")
		}
		p.User.GID = uint32(n)
	}
	return nil
}
