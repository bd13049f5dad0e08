package main

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"
)

// Categories of flags in --help.
const (
	storyFlags  = "What COMMAND is told"
	engineFlags = "How calls are intercepted"
	reportFlags = "What shimrun reports"
)

// runFlags are the flags of `shimrun COMMAND`.
func runFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{
			Name: "profile", Aliases: []string{"p"}, Category: storyFlags, EnvVars: []string{"SHIMRUN_PROFILE"},
			Usage: "`PROFILE`: auto (what this machine and COMMAND call for), none, a built-in name, or a file; repeatable, or a list with commas (default: auto)",
		},
		&cli.StringSliceFlag{
			Name: "set", Category: storyFlags,
			Usage: "serve a sysctl, `NAME=VALUE`, as in vm.max_map_count=262144 or /proc/sys/vm/max_map_count=262144; repeatable",
		},
		&cli.StringSliceFlag{
			Name: "file", Category: storyFlags,
			Usage: "serve a file, `PATH=TEXT` or PATH=@FILE for the content of FILE; repeatable",
		},
		&cli.StringSliceFlag{
			Name: "fs", Category: storyFlags, EnvVars: []string{"SHIMRUN_FS"},
			Usage: "report filesystems of one type as another, `TYPE=TYPE`, as in 9p=ext4; repeatable",
		},
		&cli.BoolFlag{
			Name: "no-args", Category: storyFlags, EnvVars: []string{"SHIMRUN_NO_ARGS"}, DisableDefaultText: true,
			Usage: "do not add the arguments that a profile has for COMMAND",
		},
		&cli.StringFlag{
			Name: "backend", Category: engineFlags, EnvVars: []string{"SHIMRUN_BACKEND"}, Value: "auto",
			Usage: "`BACKEND`: auto, seccomp (user notification) or ptrace", Action: oneOf("backend", "auto", "seccomp", "ptrace"),
		},
		&cli.BoolFlag{
			Name: "dry-run", Aliases: []string{"n"}, Category: reportFlags, DisableDefaultText: true,
			Usage: "print what would be done, and do not start COMMAND",
		},
		&cli.BoolFlag{
			Name: "stats", Category: reportFlags, EnvVars: []string{"SHIMRUN_STATS"}, DisableDefaultText: true,
			Usage: "print at the end which calls were seen and answered, and how long that took",
		},
		&cli.StringFlag{
			Name: "stats-file", Category: reportFlags, EnvVars: []string{"SHIMRUN_STATS_FILE"},
			Usage: "write the same as JSON to `FILE`",
		},
		&cli.StringFlag{
			Name: "metrics", Category: reportFlags, EnvVars: []string{"SHIMRUN_METRICS"},
			Usage: "serve them to Prometheus at `ADDRESS`, as in localhost:9100, under /metrics", Action: checkAddress,
		},
		&cli.StringFlag{
			Name: "log", Category: reportFlags, EnvVars: []string{"SHIMRUN_LOG"},
			Usage: "append the log to `FILE` (default: standard error)",
		},
		&cli.StringFlag{
			Name: "log-format", Category: reportFlags, EnvVars: []string{"SHIMRUN_LOG_FORMAT"},
			Usage:  "`FORMAT`: console or json (default: console on a terminal, json elsewhere)",
			Action: oneOf("log-format", "console", "json"),
		},
		&cli.StringFlag{
			Name: "log-level", Category: reportFlags, EnvVars: []string{"SHIMRUN_LOG_LEVEL"}, Value: zerolog.LevelWarnValue,
			Usage: "`LEVEL`: " + strings.Join(logLevels, ", "), Action: oneOf("log-level", logLevels...),
		},
	}
}

var logLevels = []string{
	zerolog.LevelTraceValue, zerolog.LevelDebugValue, zerolog.LevelInfoValue, zerolog.LevelWarnValue, zerolog.LevelErrorValue,
}

// oneOf accepts the listed values of a flag only. An empty value is an
// environment variable that is set to nothing, which counts as not set.
func oneOf(flag string, values ...string) func(*cli.Context, string) error {
	return func(_ *cli.Context, value string) error {
		if value == "" || slices.Contains(values, value) {
			return nil
		}
		return fmt.Errorf("--%s does not know %q; it takes %s", flag, value, strings.Join(values, ", "))
	}
}

func checkAddress(_ *cli.Context, address string) error {
	if address == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("--metrics needs HOST:PORT, as in localhost:9100, not %q", address)
	}
	return nil
}
