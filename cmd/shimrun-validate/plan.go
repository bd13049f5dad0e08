package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"helm.sh/helm/v3/pkg/chart"

	"github.com/shimrun/shimrun/cmd/shimrun-validate/cluster"
	"github.com/shimrun/shimrun/examples"
	"github.com/shimrun/shimrun/internal/textfile"
)

// plan is what the command line asks for, checked.
type plan struct {
	what       string
	command    []string // ours, as it was typed
	server     []string // SERVER ARG…; empty for a cluster that runs
	kubeconfig string
	under      []string // shimrun and its flags; empty without
	sides      []bool   // of each run: under shimrun, or not
	runs       int
	agent      bool // the server is also a node

	duration, every              time.Duration // stability
	readyWithin, runningWithin   time.Duration // worker
	timeout                      time.Duration
	namespace, image             string
	chart                        *chart.Chart
	scratch                      string // of our own, removed at the end
	log                          *os.File
	logKept                      bool // by the user's wish
	jsonFile, markdown, htmlFile string
}

func newPlan(c *cli.Context, what string) (*plan, error) {
	p := &plan{
		what: what, command: append([]string{"shimrun", "validate"}, os.Args[1:]...),
		server: c.Args().Slice(), kubeconfig: c.String("kubeconfig"), runs: c.Int("runs"),
		duration: c.Duration("for"), every: c.Duration("every"),
		readyWithin: c.Duration("ready-within"), runningWithin: c.Duration("running-within"),
		timeout: c.Duration("timeout"), namespace: c.String("namespace"), image: c.String("image"),
		jsonFile: c.String("json"), markdown: c.String("markdown"), htmlFile: c.String("html"),
	}
	p.command = withoutShimrun(p.command)
	if err := p.check(c); err != nil {
		return nil, err
	}
	if err := p.sidesOf(c); err != nil {
		return nil, err
	}
	var err error
	if dir := c.String("chart"); dir != "" {
		p.chart, err = cluster.LoadChart(os.DirFS(dir), ".")
	} else {
		p.chart, err = cluster.LoadChart(examples.Chart, "chart")
	}
	if err != nil {
		return nil, fmt.Errorf("--chart: %w", err)
	}
	if p.scratch, err = os.MkdirTemp(c.String("scratch"), "validate"); err != nil {
		return nil, fmt.Errorf("--scratch: %w", err)
	}
	logFile := c.String("server-log")
	p.logKept = logFile != ""
	if !p.logKept {
		logFile = filepath.Join(p.scratch, "server.log")
	}
	if p.log, err = os.OpenFile(logFile, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644); err != nil {
		os.RemoveAll(p.scratch)
		return nil, fmt.Errorf("--server-log: %w", err)
	}
	return p, nil
}

// withoutShimrun leaves out what `shimrun validate` adds.
func withoutShimrun(args []string) []string {
	if i := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "--shimrun=") }); i == 2 {
		return slices.Delete(args, i, i+1)
	}
	return args
}

func (p *plan) check(c *cli.Context) error {
	// Hours may lie between this and the report.
	for flag, name := range map[string]string{"json": p.jsonFile, "markdown": p.markdown, "html": p.htmlFile} {
		if err := textfile.Writable(name); err != nil {
			return fmt.Errorf("--%s: %w", flag, err)
		}
	}
	switch {
	case len(p.server) == 0 && p.kubeconfig == "":
		return errors.New("nothing to measure: give a server, as in -- k3s server, or --kubeconfig FILE of a cluster that runs")
	case len(p.server) == 0 && (c.Bool("compare") || c.Bool("without") || len(c.StringSlice("under")) > 0):
		return errors.New("--under, --without and --compare are for a server that is started here; there is none after --")
	case c.Bool("compare") && c.Bool("without"):
		return errors.New("--compare is with and without shimrun, --without only without; take one")
	case c.Bool("without") && len(c.StringSlice("under")) > 0:
		return errors.New("--under has flags for shimrun, --without runs none; take one")
	case p.runs < 1:
		return fmt.Errorf("--runs needs a number from 1, not %d", p.runs)
	case p.timeout <= 0:
		return fmt.Errorf("--timeout needs a duration above 0, not %v", p.timeout)
	case p.what == stability && (p.every <= 0 || p.duration < 5*p.every):
		return fmt.Errorf("--for %v is too short to tell growth with a look --every %v: five looks are the least", p.duration, p.every)
	case p.namespace == "":
		return errors.New("--namespace needs a name")
	}
	if len(p.server) == 0 {
		if _, err := os.Stat(p.kubeconfig); err != nil {
			return fmt.Errorf("--kubeconfig: %w", err)
		}
		return nil
	}
	path, err := exec.LookPath(p.server[0])
	if err != nil {
		return err
	}
	p.server[0] = path
	p.agent = !slices.ContainsFunc(p.server, func(a string) bool { return a == "--disable-agent" || a == "--disable-agent=true" })
	if p.what == worker && !p.agent {
		return errors.New("a worker needs an agent, and the server is given --disable-agent; leave that out, or take shimrun validate control-plane")
	}
	if !p.knowsFolders() && p.kubeconfig == "" {
		return fmt.Errorf("where does %s write its kubeconfig? Say so with --kubeconfig", filepath.Base(path))
	}
	return nil
}

// knowsFolders tells whether the server takes k3s's flags for folders, so that
// each run can have its own.
func (p *plan) knowsFolders() bool { return slices.Contains(p.server[1:], "server") }

// sidesOf decides which runs are under shimrun, and under which.
func (p *plan) sidesOf(c *cli.Context) error {
	switch {
	case len(p.server) == 0 || c.Bool("without"):
		p.sides = slices.Repeat([]bool{false}, p.runs)
		return nil
	case c.Bool("compare"):
		for i := range p.runs {
			first := i%2 == 0 // neither is always the one that comes to a warm machine
			p.sides = append(p.sides, first, !first)
		}
	default:
		p.sides = slices.Repeat([]bool{true}, p.runs)
	}
	shimrun, err := findShimrun(c.String("shimrun"))
	if err != nil {
		return err
	}
	p.under = append([]string{shimrun}, c.StringSlice("under")...)
	for _, flag := range p.under[1:] {
		name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		switch {
		case !strings.HasPrefix(flag, "-"):
			return fmt.Errorf("--under needs one flag of shimrun's with its value, as in --under --profile=k3s, not %q", flag)
		case name == "stats-file" || name == "dry-run":
			return fmt.Errorf("--under cannot pass on --%s", name)
		}
	}
	return nil
}

// findShimrun looks where programs that belong together are installed.
func findShimrun(given string) (string, error) {
	if given != "" {
		return exec.LookPath(given)
	}
	if own, err := os.Executable(); err == nil {
		if beside, err := exec.LookPath(filepath.Join(filepath.Dir(own), "shimrun")); err == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath("shimrun")
	if err != nil {
		return "", errors.New("there is no shimrun beside this program or in PATH; name one with --shimrun, or run --without it")
	}
	return path, nil
}

// commandOf is the command line of one run, with its own folders, and the
// kubeconfig that it will write.
func (p *plan) commandOf(under bool, dir, stats string) (args []string, kubeconfig string) {
	if under {
		args = append(slices.Clone(p.under), "--stats-file="+stats, "--")
	}
	args = append(args, p.server...)
	kubeconfig = p.kubeconfig
	if !p.knowsFolders() {
		return args, kubeconfig
	}
	given := func(flag string) (string, bool) {
		for i, a := range p.server {
			if value, found := strings.CutPrefix(a, flag+"="); found {
				return value, true
			}
			if a == flag && i+1 < len(p.server) {
				return p.server[i+1], true
			}
		}
		return "", false
	}
	if _, found := given("--data-dir"); !found {
		args = append(args, "--data-dir="+filepath.Join(dir, "data"))
	}
	if path, found := given("--write-kubeconfig"); found && kubeconfig == "" {
		kubeconfig = path
	} else if !found && kubeconfig == "" {
		kubeconfig = filepath.Join(dir, "kubeconfig")
		args = append(args, "--write-kubeconfig="+kubeconfig)
	} else if !found {
		args = append(args, "--write-kubeconfig="+kubeconfig)
	}
	return args, kubeconfig
}

// keepLog moves the log out of the scratch folder and says where it is.
func (p *plan) keepLog() string {
	if p.logKept {
		return p.log.Name()
	}
	f, err := os.CreateTemp(filepath.Dir(p.scratch), "validate-server-*.log")
	if err != nil {
		return p.log.Name()
	}
	f.Close()
	if err := os.Rename(p.log.Name(), f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p.log.Name()
	}
	return f.Name()
}

// close removes the scratch folder, unless a run's folder had to be kept.
func (p *plan) close() {
	p.log.Close()
	if !p.logKept {
		_ = os.Remove(filepath.Join(p.scratch, "server.log"))
	}
	_ = os.Remove(p.scratch)
}
