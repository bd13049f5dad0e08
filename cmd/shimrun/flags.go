package main

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/internal/spelling"
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
			Name: "profile", Category: storyFlags, EnvVars: []string{"SHIMRUN_PROFILE"},
			Usage: "auto (the default), none, or `NAME|FILE`, several with commas; see shimrun profile list",
		},
		&cli.StringSliceFlag{
			Name: "set", Category: storyFlags, KeepSpace: true,
			Usage: "serve a sysctl, as in vm.max_map_count=262144 (`NAME=VALUE`, repeatable)",
		},
		&cli.StringSliceFlag{
			Name: "file", Category: storyFlags, KeepSpace: true,
			Usage: "serve a file with this text, or that of a file (`PATH=TEXT|@FILE`, repeatable)",
		},
		&cli.StringSliceFlag{
			Name: "fs", Category: storyFlags, EnvVars: []string{"SHIMRUN_FS"},
			Usage: "report filesystems of one type as another, as in 9p=ext4 (`TYPE=TYPE`, repeatable)",
		},
		&cli.StringFlag{
			Name: "cgroups", Category: storyFlags, EnvVars: []string{"SHIMRUN_CGROUPS"},
			Usage: "version of the control groups that a profile serves: v1, v2 or auto (`VERSION`)",
		},
		&cli.BoolFlag{
			Name: "no-args", Category: storyFlags, EnvVars: []string{"SHIMRUN_NO_ARGS"},
			Usage: "do not add the arguments that a profile has for COMMAND",
		},
		&cli.StringFlag{
			Name: "backend", Category: engineFlags, EnvVars: []string{"SHIMRUN_BACKEND"}, Value: "auto",
			Usage: "auto, seccomp (user notification) or ptrace (`BACKEND`)",
		},
		&cli.BoolFlag{
			Name: "dry-run", Category: reportFlags,
			Usage: "print what would be done and why, and start nothing",
		},
		&cli.BoolFlag{
			Name: "stats", Category: reportFlags, EnvVars: []string{"SHIMRUN_STATS"},
			Usage: "print at the end which calls were seen and answered, and how long that took",
		},
		&cli.StringFlag{
			Name: "stats-file", Category: reportFlags, EnvVars: []string{"SHIMRUN_STATS_FILE"},
			Usage: "write the same as JSON to `FILE`",
		},
		&cli.StringFlag{
			Name: "metrics", Category: reportFlags, EnvVars: []string{"SHIMRUN_METRICS"},
			Usage: "serve the same to Prometheus at `HOST:PORT`, under /metrics",
		},
		&cli.StringFlag{
			Name: "log", Category: reportFlags, EnvVars: []string{"SHIMRUN_LOG"},
			Usage: "append the log to `FILE` instead of writing it to standard error",
		},
		&cli.StringFlag{
			Name: "log-format", Category: reportFlags, EnvVars: []string{"SHIMRUN_LOG_FORMAT"},
			Usage: "console (the default on a terminal) or json (the default elsewhere) (`FORMAT`)",
		},
		&cli.StringFlag{
			Name: "log-level", Category: reportFlags, EnvVars: []string{"SHIMRUN_LOG_LEVEL"}, Value: zerolog.LevelWarnValue,
			Usage: strings.Join(logLevels, ", ") + " (`LEVEL`)",
		},
	}
}

var logLevels = []string{
	zerolog.LevelTraceValue, zerolog.LevelDebugValue, zerolog.LevelInfoValue, zerolog.LevelWarnValue, zerolog.LevelErrorValue,
}

// checkFlags refuses values that cannot be meant, before anything starts. It
// is not left to the library, which would check them for subcommands as well.
// An empty value is an environment variable that is set to nothing, which
// counts as not set.
func checkFlags(c *cli.Context) error {
	for flag, values := range map[string][]string{
		"backend":    {"auto", "seccomp", "ptrace"},
		"log-format": {"console", "json"},
		"log-level":  logLevels,
	} {
		if err := oneOf(saidBy(c, flag), c.String(flag), values); err != nil {
			return err
		}
	}
	if address := c.String("metrics"); address != "" {
		_, port, err := net.SplitHostPort(address)
		if err == nil && port != "" {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			return fmt.Errorf("%s needs HOST:PORT, as in localhost:9100, not %q", saidBy(c, "metrics"), address)
		}
	}
	return nil
}

// oneOf refuses the value of a flag, or of a variable, that is not one of those that
// it takes.
func oneOf(said, value string, values []string) error {
	if value != "" && !slices.Contains(values, value) {
		return fmt.Errorf("%s does not know %q%s; it takes %s", said, value, spelling.Hint(value, values), strings.Join(values, ", "))
	}
	return nil
}
