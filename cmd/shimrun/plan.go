package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/internal/spelling"
	"github.com/shimrun/shimrun/internal/textfile"
	"github.com/shimrun/shimrun/runtime"
)

// makePlan turns flags and a command into a plan; added are the arguments that
// the profile brought.
func makePlan(c *cli.Context, chosen *choice) (plan runtime.Plan, added []string, err error) {
	plan = runtime.Plan{
		Args:    c.Args().Slice(),
		Backend: orDefault(c.String("backend"), "auto"),
		Log:     logPlan(c),

		Stats:   c.Bool("stats"),
		Metrics: c.String("metrics"),
		Build:   runtime.Build{Version: buildVersion(), Commit: commit},
	}
	if plan.Path, err = lookUp(plan.Args[0]); err != nil {
		return plan, nil, err
	}
	plan.Tell(chosen.profile, chosen.source)
	if !c.Bool("no-args") {
		plan.Args, added = withArguments(chosen.profile, plan.Args)
	}
	// The supervisor stands elsewhere.
	if plan.Log.File, err = absolute(saidBy(c, "log"), c.String("log")); err != nil {
		return plan, nil, err
	}
	plan.StatsFile, err = absolute(saidBy(c, "stats-file"), c.String("stats-file"))
	return plan, added, err
}

// lookUp looks a command up, and says more about one that is not there.
func lookUp(command string) (string, error) {
	path, err := runtime.LookPath(command)
	var exit *runtime.ExitError
	if errors.As(err, &exit) && exit.Code == runtime.StatusNotFound && command != "" && !strings.Contains(command, "/") {
		exit.Err = fmt.Errorf("%s: command not found in PATH; %s", command, orDefault(meantSubcommand(command), "name its path, or install it"))
	}
	return path, err
}

// meantSubcommand asks whether a command that is not there is a subcommand of ours.
func meantSubcommand(command string) string {
	switch command {
	case "help", "version":
		return fmt.Sprintf("did you mean shimrun --%s?", command)
	}
	var names []string
	for _, sub := range subcommands() {
		names = append(names, sub.Name)
	}
	near := spelling.Nearest(command, append(names, "help", "version"))
	switch near {
	case "":
		return ""
	case "help", "version":
		return fmt.Sprintf("did you mean shimrun --%s?", near)
	}
	return fmt.Sprintf("did you mean shimrun %s?", near)
}

func logPlan(c *cli.Context) runtime.LogPlan {
	format := c.String("log-format")
	if format == "" {
		format = "json"
		switch to := c.String("log"); {
		case to == "" && isatty.IsTerminal(os.Stderr.Fd()), to == textfile.Output && isatty.IsTerminal(os.Stdout.Fd()):
			format = "console"
		}
	}
	return runtime.LogPlan{Format: format, Level: orDefault(c.String("log-level"), "warn")}
}

// orDefault is for flags whose environment variable is set to nothing.
func orDefault(value, def string) string {
	if value == "" {
		return def
	}
	return value
}

// absolute makes sure now that a file can be written: later nobody would see
// the error, or what it is for would be lost.
func absolute(flag, name string) (string, error) {
	if name == "" || name == textfile.Output {
		return name, nil
	}
	name, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s: there is no folder %s", flag, filepath.Dir(name))
	}
	if err := textfile.Writable(name); err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	return name, nil
}
