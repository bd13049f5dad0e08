package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime/builtin"
	"github.com/shimrun/shimrun/runtime/container"
	"github.com/shimrun/shimrun/runtime/delegate"
)

func ociPsCommand() *cli.Command {
	return &cli.Command{
		Name: "ps", Usage: "list the processes of a container", ArgsUsage: "ID [ps flags]",
		Flags:           []cli.Flag{&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "table", Usage: "table or json (`FORMAT`)"}},
		SkipFlagParsing: false,
		Action:          listProcesses,
	}
}

func listProcesses(c *cli.Context) error {
	if _, err := needArguments(c, 1, -1); err != nil {
		return err
	}
	if err := oneOf("--format", c.String("format"), []string{"table", "json"}); err != nil {
		return err
	}
	made, err := openContainer(c)
	if err != nil {
		return err
	}
	if made.Mode == delegate.Mode {
		return passOn(c, made)
	}
	pids := []int{}
	for _, p := range builtin.Processes(made) {
		pids = append(pids, p.PID)
	}
	if c.String("format") == "json" {
		return json.NewEncoder(c.App.Writer).Encode(pids)
	}
	return printProcesses(c, made, pids)
}

// printProcesses has ps(1) print the table, and keeps the container's lines.
func printProcesses(c *cli.Context, _ *container.Container, pids []int) error {
	args := c.Args().Tail()
	if len(args) == 0 {
		args = []string{"-ef"}
	}
	out, err := exec.Command("ps", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ps: %w: %s", err, strings.TrimSpace(string(out)))
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	column := slices.Index(strings.Fields(lines[0]), "PID")
	if column < 0 {
		return fmt.Errorf("ps %s prints no column PID", strings.Join(args, " "))
	}
	fmt.Fprintln(c.App.Writer, lines[0])
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		if column >= len(fields) {
			continue
		}
		if pid, err := strconv.Atoi(fields[column]); err == nil && slices.Contains(pids, pid) {
			fmt.Fprintln(c.App.Writer, line)
		}
	}
	return nil
}
