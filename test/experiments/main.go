package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// experiment is one page of docs/experiments.
type experiment struct {
	name  string // as on the command line
	page  string // name of the template and of the page, without .md
	title string
	do    func(*run)
}

var experiments = []experiment{
	{"1", "1-baseline", "The baseline: a node without a shim", baseline},
	{"2", "2-fixes", "The known fixes, one by one", fixes},
	{"3A", "3A-control-plane", "Control plane only", controlPlane},
	{"3B", "3B-containers", "A container runtime inside the sandbox", containers},
	{"3C", "3C-filesystems", "Filesystem layers against a lie", filesystems},
	{"4", "4-interception", "Tracing everything against trapping little", interception},
	{"5", "5-root-cause", "The root cause", rootCause},
}

func main() {
	flag.Parse()
	if err := runAll(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "experiments:", err)
		os.Exit(1)
	}
}

func runAll(names []string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("only root can make a sandbox with a 9p root")
	}
	repository, err := repositoryRoot()
	if err != nil {
		return err
	}
	// Not below /tmp, which is one of the sandbox's own filesystems, and short,
	// because sockets are made in it.
	scratch, err := os.MkdirTemp("/var/tmp", "experiments")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)

	p, err := newParts(repository, filepath.Join(scratch, "parts"))
	if err != nil {
		return err
	}
	var failed []string
	for _, e := range chosen {
		begun := time.Now()
		r := &run{experiment: e, begun: begun, parts: p, scratch: scratch, values: map[string]string{}, tables: map[string]*table{}}
		fmt.Printf("%s: %s\n", e.name, e.title)
		go func() {
			if s, ok := <-interrupted; ok {
				fmt.Fprintln(os.Stderr, "experiments:", s)
				r.close()
				os.RemoveAll(scratch)
				os.Exit(1)
			}
		}()
		if err := r.execute(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", e.name, err)
			failed = append(failed, e.name)
			continue
		}
		fmt.Printf("%s: docs/experiments/%s.md, after %.0f s\n", e.name, e.page, time.Since(begun).Seconds())
	}
	if len(failed) > 0 {
		return fmt.Errorf("no page written for %s", strings.Join(failed, ", "))
	}
	return writeIndex(repository)
}

// choose finds the experiments that are named, in their own order.
func choose(names []string) ([]experiment, error) {
	var chosen []experiment
	for _, e := range experiments {
		if slices.Contains(names, e.name) || slices.Contains(names, "all") {
			chosen = append(chosen, e)
		}
	}
	for _, name := range names {
		known := slices.ContainsFunc(experiments, func(e experiment) bool { return e.name == name })
		if !known && name != "all" {
			return nil, fmt.Errorf("there is no experiment %q", name)
		}
	}
	if len(chosen) == 0 {
		var known []string
		for _, e := range experiments {
			known = append(known, e.name)
		}
		return nil, fmt.Errorf("name experiments (%s) or all", strings.Join(known, ", "))
	}
	return chosen, nil
}

// repositoryRoot is the folder with shimrun's go.mod: this one or one above.
func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		text, readErr := os.ReadFile(filepath.Join(dir, "go.mod"))
		if readErr == nil && strings.HasPrefix(string(text), "module github.com/shimrun/shimrun\n") {
			return dir, nil
		}
		if dir == "/" {
			return "", fmt.Errorf("run it inside shimrun's source")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
