package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/urfave/cli/v2"
)

const (
	validateName = "validate"
	// validateProgram is a program of its own: its libraries must not weigh on
	// this one.
	validateProgram = "shimrun-validate"
)

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:            validateName,
		Usage:           "measure whether Kubernetes works here, with and without shimrun",
		UsageText:       "shimrun validate control-plane|worker|stability [flags] -- SERVER [ARG...]",
		SkipFlagParsing: true, // they are the other program's, --help included
		Action:          becomeValidate,
	}
}

// becomeValidate replaces this process by shimrun-validate, which is told
// where this binary is, so that it measures no other.
func becomeValidate(c *cli.Context) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	path, err := findBeside(own, validateProgram)
	if err != nil {
		return err
	}
	args := append([]string{path, "--shimrun=" + own}, c.Args().Slice()...)
	return &os.PathError{Op: "exec", Path: path, Err: syscall.Exec(path, args, os.Environ())}
}

// findBeside looks for a program in the folder of this one, then in PATH.
func findBeside(own, name string) (string, error) {
	beside := filepath.Join(filepath.Dir(own), name)
	if path, err := exec.LookPath(beside); err == nil {
		return path, nil
	}
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%s is not beside this program (%s) or in PATH; in shimrun's source, make validate builds bin/%[1]s and make install installs it",
			name, filepath.Dir(own))
	}
	return path, err
}
