package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/internal/spelling"
	"github.com/shimrun/shimrun/runtime/container"
	"github.com/shimrun/shimrun/runtime/delegate"
)

// The verbs of an OCI runtime are a command line of their own: runc's, with its
// global flags before the verb, its output and its exit statuses, because
// containerd, Docker and others call it and read them.

const ociCategory = "OCI runtime"

const ociDescription = `As an OCI runtime shimrun takes runc's place: containerd, Docker and
Kubernetes call it with runc's flags. Containers run under the shim.

Mode "delegate" has an installed runtime (runc, crun or runsc) make the
container, and adds the shim; mode "builtin" runs the bundle itself, where no
other runtime can: without namespaces, mounts or control groups if need be.
What isolation is then missing is logged, and in the container's annotations.`

// ociFlags are runc's global flags, and ours.
func ociFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "debug", Usage: "log more"},
		&cli.StringFlag{Name: "log", Usage: "append the log to `FILE` instead of writing it to standard error"},
		&cli.StringFlag{Name: "log-format", Value: "text", Usage: "text or json (`FORMAT`)"},
		&cli.StringFlag{Name: "root", Value: "/run/shimrun", EnvVars: []string{"SHIMRUN_ROOT"}, Usage: "folder that holds the state of containers (`DIR`)"},
		&cli.StringFlag{Name: "criu", Hidden: true},
		&cli.BoolFlag{Name: "systemd-cgroup", Usage: "have systemd make control groups (mode delegate; builtin makes none)"},
		&cli.StringFlag{Name: "rootless", Value: "auto", Usage: "ignore control group errors: true, false or auto (mode delegate) (`WHEN`)"},
		&cli.StringFlag{Name: "mode", Value: "auto", EnvVars: []string{"SHIMRUN_MODE"}, Usage: "auto, delegate or builtin (`MODE`)"},
		&cli.StringFlag{Name: "runtime", EnvVars: []string{"SHIMRUN_RUNTIME"}, Usage: "the runtime of mode delegate; without it runc, crun or runsc, whichever works (`PATH`)"},
		&cli.BoolFlag{Name: "strict", EnvVars: []string{"SHIMRUN_STRICT"}, Usage: "refuse a container that would lack isolation that its bundle asks for"},
		&cli.StringSliceFlag{Name: "profile", EnvVars: []string{"SHIMRUN_PROFILE"}, Usage: "what containers are told, as for commands, whose annotation " + container.AnnotationProfile + " chooses nothing else (`NAME|FILE`, repeatable)"},
		allowFlag(),
		&cli.StringFlag{Name: "backend", Value: "auto", EnvVars: []string{"SHIMRUN_BACKEND"}, Usage: "auto, seccomp or ptrace (`BACKEND`)"},
	}
}

// ociCommands are the verbs.
func ociCommands() []*cli.Command {
	commands := []*cli.Command{
		ociCreateCommand(), ociStartCommand(), ociRunCommand(), ociExecCommand(),
		ociStateCommand(), ociListCommand(), ociPsCommand(),
		ociKillCommand(), ociDeleteCommand(), ociPauseCommand(), ociResumeCommand(), ociUpdateCommand(), ociEventsCommand(),
		ociSpecCommand(), ociFeaturesCommand(),
		missingCommand("checkpoint", "save a running container to files"), missingCommand("restore", "run a container from such files"),
	}
	for _, c := range commands {
		c.Category = ociCategory
	}
	return commands
}

// isOCI tells whether a command line is a runtime's: nothing but its global
// flags before one of its verbs. Who calls this program by a runtime's name wants
// a runtime, whatever follows: a word that is no verb is no program to run.
// So is one that is no verb behind flags that only a runtime has.
func isOCI(args []string) bool {
	if isRuntimeName(args) {
		return true
	}
	at, only := wordBehindGlobals(args)
	return at > 0 && (only || find(ociCommands(), args[at]) != nil)
}

// isRuntimeName tells whether this program is called as one of the runtimes whose
// place it takes, by a link.
func isRuntimeName(args []string) bool {
	return len(args) > 0 && slices.Contains(delegate.Runtimes, filepath.Base(args[0]))
}

// verbAt is where the verb stands; 0 where there is none.
func verbAt(args []string) int {
	if at, _ := wordBehindGlobals(args); at > 0 && find(ociCommands(), args[at]) != nil {
		return at
	}
	return 0
}

// wordBehindGlobals is where the first word stands that is no global flag of a
// runtime's; 0 where there is none, or other flags are before it. only tells that
// one of them is no flag for running commands.
func wordBehindGlobals(args []string) (at int, only bool) {
	globals := completed{Command: &cli.Command{Flags: ociFlags()}}
	run := completed{Command: &cli.Command{Flags: runFlags()}}
	for i := 1; i < len(args); i++ {
		word := args[i]
		if !strings.HasPrefix(word, "-") {
			return i, only
		}
		f := globals.flag(word)
		if f == nil {
			return 0, false
		}
		only = only || run.flag(word) == nil
		if f.TakesValue() && !strings.Contains(word, "=") {
			i++
		}
	}
	return 0, false
}

// newOCIApp describes that command line.
func newOCIApp(stdout, stderr io.Writer) *cli.App {
	app := newApp(stdout, stderr)
	app.UsageText = "shimrun [global flags] VERB [flags] [ARG...]"
	app.Description = ociDescription
	app.Flags = ociFlags()
	app.Before = checkOCIFlags
	app.Action = refuseVerb
	app.Commands = ociCommands()
	for _, c := range app.Commands {
		finish(c)
	}
	return app
}

// refuseVerb is for a word that is no verb. Without one there is help, as from runc.
func refuseVerb(c *cli.Context) error {
	if !c.Args().Present() {
		return cli.ShowAppHelp(c)
	}
	var verbs []string
	for _, verb := range ociCommands() {
		verbs = append(verbs, verb.Name)
	}
	word := c.Args().First()
	return fmt.Errorf("%q is no verb of an OCI runtime%s (see %s --help)", word, spelling.Hint(word, verbs), filepath.Base(os.Args[0]))
}

func checkOCIFlags(c *cli.Context) error {
	for flag, values := range map[string][]string{
		"backend": {"auto", "seccomp", "ptrace"}, "log-format": {"text", "json"}, "mode": {"auto", "delegate", "builtin"},
	} {
		if err := oneOf(saidBy(c, flag), c.String(flag), values); err != nil {
			return err
		}
	}
	return nil
}

// executeOCI runs such a command line, and returns the exit status.
func executeOCI(args []string) int {
	app := newOCIApp(os.Stdout, os.Stderr)
	log := ociLog{format: "text"}
	before := app.Before
	app.Before = func(c *cli.Context) error {
		log = logOf(c)
		return before(c)
	}
	err := app.Run(args)
	if err == nil {
		return 0
	}
	if line := oneLine(err); line != "" {
		if errors.Is(err, container.ErrNotExist) && !isRuntimeName(args) && verbAt(args) == 1 && isProgram(args[1]) {
			line += "; the program " + args[1] + " is run by: shimrun -- " + quote(args[1:])
		}
		log.error(line)
	}
	var status *statusError
	if errors.As(err, &status) {
		return status.status
	}
	return 1
}

// needID is for verbs that take a container's name and nothing else.
func needID(c *cli.Context) (string, error) { return needArguments(c, 1, 1) }

// needArguments checks how many arguments there are, and gives the first.
func needArguments(c *cli.Context, least, most int) (string, error) {
	n := c.NArg()
	switch {
	case n >= least && (n <= most || most < 0):
		return c.Args().First(), nil
	case least == most:
		return "", fmt.Errorf("%q requires exactly %d argument(s); see shimrun %[1]s --help", c.Command.Name, least)
	case most < 0:
		return "", fmt.Errorf("%q requires a minimum of %d arguments; see shimrun %[1]s --help", c.Command.Name, least)
	}
	return "", fmt.Errorf("%q requires %d to %d arguments; see shimrun %[1]s --help", c.Command.Name, least, most)
}

func ociStore(c *cli.Context) (container.Store, error) { return container.NewStore(c.String("root")) }

// openContainer finds the container that the first argument names.
func openContainer(c *cli.Context) (*container.Container, error) {
	store, err := ociStore(c)
	if err != nil {
		return nil, err
	}
	return store.Open(c.Args().First())
}

// lockContainer does the same for a verb that changes it.
func lockContainer(c *cli.Context) (*container.Container, error) {
	store, err := ociStore(c)
	if err != nil {
		return nil, err
	}
	return store.Lock(c.Args().First())
}

// versionPrefix is what that of a runtime begins with: its name.
const versionPrefix = "shimrun version "

// versionText is what `shimrun --version` prints: the form that containerd and
// Docker read of a runtime.
func versionText() string {
	major, minor, micro := libseccomp.GetLibraryVersion()
	text := versionPrefix + buildVersion() + "\n"
	if commit != "" {
		text += "commit: " + commit + "\n"
	}
	return text + fmt.Sprintf("spec: %s\ngo: %s\nlibseccomp: %d.%d.%d", specs.Version, runtime.Version(), major, minor, micro)
}
