package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/klog/v2"
)

const usage = `usage: probe [flags] [DIR...]

Asks kubelet's cAdvisor for the filesystem under the root directory, under /
and under every DIR, and prints what it said as JSON. Exit status 0 when it
could answer for all of them, 1 when not, 2 when called wrongly.

`

// options are the few kubelet settings that change which files cAdvisor reads.
type options struct {
	rootDir         string
	cgroupRoots     []string
	runtimeEndpoint string
	timeout         time.Duration
	dirs            []string
}

func main() {
	opts, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		os.Exit(2)
	}
	report := probe(opts)
	if err := write(os.Stdout, report); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
	for _, e := range report.Errors {
		fmt.Fprintln(os.Stderr, "probe:", e)
	}
	if !report.OK {
		os.Exit(1)
	}
}

// parse uses a flag set of its own: cAdvisor registers some twenty flags on
// the global one, and kubelet does not offer those either.
func parse(args []string, stderr io.Writer) (options, error) {
	var opts options
	fs := flag.NewFlagSet("probe", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	roots := "/kubepods"
	fs.StringVar(&opts.rootDir, "root-dir", "/var/lib/kubelet", "kubelet's root `DIR`, made and removed again when it is missing")
	fs.StringVar(&roots, "cgroup-roots", roots, "comma-separated `LIST` of cgroups to watch besides /")
	fs.StringVar(&opts.runtimeEndpoint, "runtime-endpoint", "unix:///run/containerd/containerd.sock", "container runtime `ENDPOINT`; nothing has to listen there")
	fs.DurationVar(&opts.timeout, "timeout", 15*time.Second, "how long to repeat a question that fails; 0 asks once, as kubelet does")
	verbosity := fs.Int("v", 0, "verbosity of kubelet's and cAdvisor's log on standard error")
	if err := fs.Parse(args); err != nil {
		return opts, err
	}
	opts.cgroupRoots = strings.Split(roots, ",")
	for _, dir := range append([]string{"/"}, fs.Args()...) {
		// cAdvisor climbs to the parent by cutting the path: a relative one
		// would keep it climbing for ever.
		abs, err := filepath.Abs(dir)
		if err != nil {
			fmt.Fprintln(stderr, "probe:", err)
			return opts, err
		}
		if !slices.Contains(opts.dirs, abs) {
			opts.dirs = append(opts.dirs, abs)
		}
	}
	return opts, setVerbosity(*verbosity)
}

func setVerbosity(level int) error {
	fs := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(fs)
	return fs.Set("v", fmt.Sprint(level))
}

func write(w io.Writer, report *Report) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(report)
}
