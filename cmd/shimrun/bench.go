package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/bench"
	"github.com/shimrun/shimrun/internal/report"
	"github.com/shimrun/shimrun/internal/textfile"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:      "bench",
		Usage:     "measure what interception costs here",
		ArgsUsage: "[RESULT.json]",
		Description: "Measures shimrun beside the smallest supervisors in C that do the same, and\n" +
			"beside strace, proot and bwrap where they are installed: system calls in tight\n" +
			"loops, with several threads, and whole programs. docs/performance.md says what\n" +
			"each scenario is, and how to read the result.\n\n" +
			"Nothing is measured if RESULT.json is given, which --json wrote: it is written\n" +
			"in other forms, or compared. With --compare the exit status is 1 when\n" +
			"something became dearer.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "list", Usage: "print the scenarios and contenders, and whether they can be measured here"},
			&cli.StringSliceFlag{Name: "scenario", Usage: "only these, as in open or 'open-*' (`NAME`, repeatable, or a list with commas)"},
			&cli.StringSliceFlag{Name: "contender", Usage: "only these, beside bare (`NAME`, repeatable, or a list with commas)"},
			&cli.StringFlag{Name: "cpus", Value: "both", Usage: "all, one or both: on which processors (`WHICH`)"},
			&cli.IntFlag{Name: "rounds", Value: 10, Usage: "how often each is measured (`N`)"},
			&cli.BoolFlag{Name: "quick", Usage: "three short rounds without other programs, to see that it works"},
			&cli.Uint64Flag{Name: "seed", DefaultText: "random", Usage: "the order of measuring (`N`)"},
			&cli.StringFlag{Name: "dir", Value: "/var/tmp", Usage: "where to make the folder to work in (`DIR`)"},
			&cli.StringFlag{Name: "programs", DefaultText: "in the user's cache", Usage: "the folder of the compiled C programs (`DIR`)"},
			&cli.BoolFlag{Name: "scale", Usage: "measure instead how cost grows with processes, threads, nodes and mounts (--scenario takes these names)"},
			&cli.BoolFlag{Name: "prepare", Usage: "only compile the C programs and fill the Go cache, and print the programs' folder"},
			&cli.StringFlag{Name: "json", Usage: "write all samples to `FILE`, - for standard output"},
			&cli.StringFlag{Name: "bench", Usage: "write them as go test -bench does, for benchstat (`FILE`)"},
			&cli.StringFlag{Name: "html", Usage: "write a page with plots (`FILE`)"},
			&cli.StringFlag{Name: "folder", Usage: "write a folder with the tables as Markdown, and the plots as SVG files (`DIR`)"},
			&cli.StringFlag{Name: "compare", Usage: "compare with what --json wrote before (`OLD.json`)"},
		},
		Action: benchAction,
	}
}

func benchAction(c *cli.Context) error {
	switch {
	case c.NArg() > 1:
		return fmt.Errorf("bench takes no command and at most one result, not %q as well", c.Args().Get(1))
	case c.Bool("list"):
		return bench.List(c.App.Writer)
	case c.Bool("prepare"):
		programs, err := bench.Programs(c.String("programs"))
		if err != nil {
			return err
		}
		fmt.Fprintln(c.App.Writer, programs)
		return bench.WarmCache(programs)
	}
	if c.Bool("scale") {
		return benchScale(c)
	}
	if err := checkOutputs(c); err != nil {
		return err
	}
	var old, result *bench.Result
	var err error
	if name := c.String("compare"); name != "" {
		if old, err = bench.Read(name); err != nil {
			return err
		}
	}
	if c.NArg() == 1 {
		if result, err = bench.Read(c.Args().First()); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("bench takes no command, and no result is there: %w", err)
		} else if err != nil {
			return err
		}
	} else {
		options, err := benchOptions(c)
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
		defer stop()
		if result, err = bench.Run(ctx, options); err != nil {
			return err
		}
	}
	if err := writeResult(c, result, old == nil); err != nil || old == nil {
		return err
	}
	changes, err := bench.Compare(old, result)
	if err != nil {
		return err
	}
	regressions, err := bench.PrintChanges(c.App.Writer, changes)
	if err == nil && regressions > 0 {
		return &statusError{status: 1}
	}
	return err
}

// benchScale is bench --scale.
func benchScale(c *cli.Context) error {
	for _, flag := range []string{"compare", "bench"} {
		if c.IsSet(flag) || c.NArg() > 0 {
			return fmt.Errorf("--scale cannot be compared or given to benchstat; it takes --json, --html and --folder")
		}
	}
	if err := checkOutputs(c); err != nil {
		return err
	}
	options, err := benchOptions(c)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	result, err := bench.Scale(ctx, options)
	if err != nil {
		return err
	}
	return writeResult(c, result, true)
}

// measured is what bench has to write.
type measured interface {
	WriteJSON(io.Writer) error
	WriteHTML(io.Writer) error
	WriteFolder(string) error
	Print(io.Writer) error
}

func benchOptions(c *cli.Context) (bench.Options, error) {
	options := bench.Options{
		Scenarios: split(c.StringSlice("scenario")), Contenders: split(c.StringSlice("contender")),
		CPUs: c.String("cpus"), Rounds: c.Int("rounds"), Milliseconds: 50, Seed: c.Uint64("seed"),
		Dir: c.String("dir"), Programs: c.String("programs"), Version: c.App.Version,
		Progress: func(total int) report.Progress { return report.NewProgress(os.Stderr, total) },
	}
	switch options.CPUs {
	case "all", "one", "both":
	default:
		return options, fmt.Errorf("--cpus does not know %q; it takes all, one, both", options.CPUs)
	}
	if options.Rounds < 1 {
		return options, errors.New("--rounds takes 1 or more")
	}
	if c.Bool("quick") {
		options.Milliseconds = 10
		if !c.IsSet("rounds") {
			options.Rounds = 3
		}
		if len(options.Contenders) == 0 {
			options.Contenders = []string{"floor-*", "shimrun-*", "filter-*"}
		}
	}
	executable, err := os.Executable()
	options.Shimrun = executable
	return options, err
}

// checkOutputs finds out before anything is measured whether it can be written.
func checkOutputs(c *cli.Context) error {
	for _, flag := range []string{"json", "bench", "html"} {
		if err := textfile.Writable(c.String(flag)); err != nil {
			return fmt.Errorf("--%s: %w", flag, err)
		}
	}
	if err := textfile.WritableFolder(c.String("folder")); err != nil {
		return fmt.Errorf("--folder: %w", err)
	}
	return nil
}

// writeResult writes the files that are asked for, and the tables, unless a
// file is standard output or the result is there to be compared.
func writeResult(c *cli.Context, result measured, tables bool) error {
	for _, out := range []struct {
		flag  string
		write func(io.Writer) error
	}{{"json", result.WriteJSON}, {"bench", writeBench(result)}, {"html", result.WriteHTML}} {
		switch name := c.String(out.flag); name {
		case "":
		case "-":
			tables = false
			if err := out.write(c.App.Writer); err != nil {
				return err
			}
		default:
			if err := writeFile(name, out.write); err != nil {
				return fmt.Errorf("--%s: %w", out.flag, err)
			}
		}
	}
	if dir := c.String("folder"); dir != "" {
		if err := result.WriteFolder(dir); err != nil {
			return fmt.Errorf("--folder: %w", err)
		}
	}
	if !tables {
		return nil
	}
	var text strings.Builder
	if err := result.Print(&text); err != nil {
		return err
	}
	_, err := io.WriteString(c.App.Writer, text.String())
	return err
}

// writeBench is for what benchstat can read; --scale refuses the flag.
func writeBench(result measured) func(io.Writer) error {
	if r, ok := result.(*bench.Result); ok {
		return r.WriteBench
	}
	return nil
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
