package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"
)

// What an experiment is about.
const (
	controlPlane = "control-plane"
	worker       = "worker"
	stability    = "stability"
)

const description = `Starts the Kubernetes server after "--" under shimrun, does what its users do,
and reports what worked and how long it took. SERVER is k3s, or another whose
"server" takes --data-dir and --write-kubeconfig: both are added, for a fresh
folder in each run, unless they are given. With --kubeconfig alone, a cluster
that runs already is taken as it is.

The exit status is 0 when all criteria are met, 1 when one is not, and 125 when
nothing could be measured. Ctrl-C ends the server; the report is still written.`

func newApp(stdout, stderr io.Writer) *cli.App {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version"}
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this help"}
	cli.VersionPrinter = func(c *cli.Context) { fmt.Fprintln(c.App.Writer, "shimrun-validate", c.App.Version) }
	command := func(name, usage string, flags ...cli.Flag) *cli.Command {
		return &cli.Command{
			Name: name, Usage: usage,
			UsageText:       "shimrun validate " + name + " [flags] -- SERVER [ARG...]\nshimrun validate " + name + " [flags] --kubeconfig FILE",
			Description:     description,
			HideHelpCommand: true,
			Flags:           append(flags, commonFlags()...),
			OnUsageError:    usageError,
			Action:          func(c *cli.Context) error { return validate(c, name) },
		}
	}
	return &cli.App{
		Name:            "shimrun validate",
		HelpName:        "shimrun validate",
		Usage:           "measure whether Kubernetes works here, with and without shimrun",
		Version:         version,
		Writer:          stdout,
		ErrWriter:       stderr,
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {},
		OnUsageError:    usageError,
		// A value may hold commas.
		DisableSliceFlagSeparator: true,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "shimrun", Usage: "the shimrun to use (`FILE`); without it, the one beside this program or in PATH"},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return fmt.Errorf("unknown experiment %q; there are control-plane, worker and stability", c.Args().First())
			}
			return errors.New("no experiment given; there are control-plane, worker and stability (see shimrun validate --help)")
		},
		Commands: []*cli.Command{
			command(controlPlane, "list and create namespaces, install a chart"),
			command(worker, "a node Ready, a pod Running, its logs, exec, statistics, deletion",
				&cli.DurationFlag{Name: "ready-within", Usage: "criterion: the node is Ready so long after the API server (`DURATION`, as 15s)"},
				&cli.DurationFlag{Name: "running-within", Usage: "criterion: the pod is Running so long after the node is Ready (`DURATION`)"}),
			command(stability, "the same loop for a long time: failures, restarts, memory, descriptors",
				&cli.DurationFlag{Name: "for", Value: time.Hour, Usage: "how long (`DURATION`)"},
				&cli.DurationFlag{Name: "every", Value: time.Minute, Usage: "between two looks (`DURATION`)"}),
		},
	}
}

// Categories of flags in --help.
const (
	serverFlags  = "What is measured"
	clusterFlags = "What is done to the cluster"
	reportFlags  = "What is reported"
)

func commonFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "under", Category: serverFlags, Usage: "one more flag for shimrun, as in --under --profile=k3s (`FLAG`, repeatable)"},
		&cli.BoolFlag{Name: "without", Category: serverFlags, Usage: "run the server without shimrun"},
		&cli.BoolFlag{Name: "compare", Category: serverFlags, Usage: "run it with and without shimrun, in turns; criteria are for the runs with"},
		&cli.IntFlag{Name: "runs", Category: serverFlags, Value: 1, Usage: "start the server so many times (`N`)"},
		&cli.StringFlag{Name: "kubeconfig", Category: serverFlags, Usage: "of a cluster that runs already; with a SERVER, the file that it writes (`FILE`)"},
		&cli.StringFlag{Name: "scratch", Category: serverFlags, Value: "/var/tmp", Usage: "where folders for servers' data are made (`DIR`)"},
		&cli.DurationFlag{Name: "timeout", Category: clusterFlags, Value: 3 * time.Minute, Usage: "patience with each step (`DURATION`)"},
		&cli.StringFlag{Name: "namespace", Category: clusterFlags, Value: "test", Usage: "the one to make and to delete again (`NAME`)"},
		&cli.StringFlag{Name: "image", Category: clusterFlags, Value: "busybox", Usage: "of all pods; it needs a shell (`IMAGE`)"},
		&cli.StringFlag{Name: "chart", Category: clusterFlags, Usage: "the chart to install; without it, one of shimrun's own (`DIR`)"},
		&cli.StringFlag{Name: "json", Category: reportFlags, Usage: "write all figures to `FILE`, - for standard output"},
		&cli.StringFlag{Name: "markdown", Category: reportFlags, Usage: "write the report to `FILE`"},
		&cli.StringFlag{Name: "html", Category: reportFlags, Usage: "write the report with plots to `FILE`, one page that needs no other"},
		&cli.StringFlag{Name: "server-log", Category: reportFlags, Usage: "append what the servers write to `FILE`; without it, it is kept where a run failed"},
	}
}

// usageError is the library's, with what to do next.
func usageError(c *cli.Context, err error, _ bool) error {
	return fmt.Errorf("%w; see %s --help", err, c.Command.HelpName)
}

// validate is the action of each experiment.
func validate(c *cli.Context, what string) error {
	p, err := newPlan(c, what)
	if err != nil {
		return err
	}
	defer p.close()
	e := experiment{plan: p, errors: os.Stderr}
	r, err := e.perform(c.Context)
	if err != nil {
		return err
	}
	judge(r)
	if err := r.print(c.App.Writer); err != nil {
		return err
	}
	if err := p.write(r); err != nil {
		return err
	}
	switch {
	case r.impossible() != "":
		return errors.New(r.impossible())
	case !r.Passed:
		return errUnmet
	}
	return nil
}
