package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/ground"
)

// diagnosis is what doctor finds out. Its JSON is documented in docs/cli.md:
// fields may be added there, and Schema counts up when one changes or goes.
type diagnosis struct {
	Schema   int              `json:"schema"`
	Shimrun  string           `json:"shimrun"`
	Command  string           `json:"command,omitempty"`
	Machine  ground.Machine   `json:"machine"`
	Facts    []ground.Finding `json:"facts"`
	Backends backends         `json:"backends"`
	// Backend is the one that --backend auto takes; empty where none works.
	Backend  string          `json:"backend"`
	Profiles []chosenProfile `json:"profiles"`
	story
	// Limits are promises that cannot be kept here.
	Limits []string `json:"limits"`
}

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:      "doctor",
		Usage:     "find out what this machine can do, and what shimrun would do about it",
		ArgsUsage: "[COMMAND]",
		Description: "Tries what a full Linux can do, and says which backend and which profiles\n" +
			"--backend auto and --profile auto would take for COMMAND, which lies they\n" +
			"tell here, and what cannot be promised. It changes nothing.\n" +
			"The exit status is 1 when no backend works.",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON; docs/cli.md describes it"}},
		Action: doctor,
	}
}

func doctor(c *cli.Context) error {
	if c.NArg() > 1 {
		return fmt.Errorf("doctor takes one command's name, not %q as well", c.Args().Get(1))
	}
	d, err := diagnose(c.Args().First())
	if err != nil {
		return err
	}
	if c.Bool("json") {
		encoder := json.NewEncoder(c.App.Writer)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(d)
	} else {
		err = d.print(c.App.Writer)
	}
	if err == nil && d.Backend == "" {
		return &statusError{status: 1}
	}
	return err
}

func diagnose(command string) (*diagnosis, error) {
	d := &diagnosis{
		Schema:   2,
		Shimrun:  buildVersion(),
		Command:  command,
		Machine:  ground.Look(),
		Facts:    ground.Try(factNames()...),
		Backends: probeBackends(),
	}
	d.Profiles = pick(d.Facts, command)
	options := fakefs.LoadOptions{}
	for _, p := range d.Profiles {
		options.Profiles = append(options.Profiles, p.Name)
	}
	profile, err := fakefs.Load(options)
	if err != nil {
		return nil, err
	}
	told, err := tell(profile)
	if err != nil {
		return nil, err
	}
	d.story = *told
	if backend, err := d.Backends.choose("auto"); err == nil {
		d.Backend = backend.Name
	}
	d.Limits = limits(d)
	if profile.VirtualMounts() && !slices.Contains(d.Machine.Capabilities, "CAP_SYS_ADMIN") {
		d.Limits = append(d.Limits, mountLimits...)
	}
	return d, nil
}

// factNames are all facts, and those that only profiles ask for.
func factNames() []string {
	var names []string
	for _, fact := range ground.Facts {
		names = append(names, fact.Name)
	}
	return append(names, fakefs.Lacks()...)
}

func (d *diagnosis) answer(fact string) ground.Answer {
	for _, f := range d.Facts {
		if f.Name == fact {
			return f.Answer
		}
	}
	return ground.Unknown
}

// mountLimits are what a mount table cannot do that a kernel's mounts do.
var mountLimits = []string{
	"a virtual tmpfs lies on the disk that its folder is on; its size and inode limits, and nodev, nosuid and noexec, are shown but not enforced",
	"a virtual bind mount is not passed by execve, chroot, inotify and socket names, and what is open in it does not make it busy",
	"virtual mounts are forgotten when the supervisor is killed, and what a tmpfs held stays on the disk",
}

// limits are the promises that cannot be kept here, each with its reason.
func limits(d *diagnosis) []string {
	all := []string{}
	say := func(condition bool, text string) {
		if condition {
			all = append(all, text)
		}
	}
	say(d.Backend == "", "nothing can be served: no backend works")
	say(d.Backend == "ptrace", "what runs under the ptrace backend cannot be traced by strace, gdb or delve")
	unprivileged := !slices.Contains(d.Machine.Capabilities, "CAP_SYS_ADMIN")
	say(unprivileged && !d.Machine.NoNewPrivs, "setuid programs and sudo have no effect below shimrun: without CAP_SYS_ADMIN a filter needs no_new_privs")
	say(d.Backend == "ptrace" && !slices.Contains(d.Machine.Capabilities, "CAP_SYS_PTRACE"),
		"setuid programs gain nothing while they are traced: CAP_SYS_PTRACE is missing")
	say(d.answer("io-uring") == ground.Yes, "a program that uses io_uring can open files without being seen")
	return all
}

// print is the diagnosis for people.
func (d *diagnosis) print(w io.Writer) error {
	m := d.Machine
	t := newTable(w)
	t.row("shimrun", d.Shimrun)
	t.row("kernel", strings.Join([]string{m.Kernel.Sysname, m.Kernel.Release, m.Kernel.Version, m.Kernel.Machine}, " "))
	t.row("root", strings.TrimSpace(m.Root.Type+" "+m.Root.Source))
	t.row("user", fmt.Sprintf("%d, %s", m.UID, describeCapabilities(m.Capabilities)))
	if m.NoNewPrivs || m.Seccomp != "disabled" {
		t.row("restricted", fmt.Sprintf("no_new_privs %t, seccomp %s", m.NoNewPrivs, m.Seccomp))
	}
	t.section("Can this machine do it?")
	for _, f := range d.Facts {
		t.row(string(f.Answer), f.Means, f.Detail)
	}
	t.section("Backends")
	for _, b := range d.Backends {
		answer := "yes"
		if !b.Works {
			answer = "no"
		}
		t.row(answer, b.Name, b.Detail)
	}
	t.section("What shimrun would do" + forCommand(d.Command))
	t.row("backend", orDefault(d.Backend, "none"), d.Backends.why("auto"))
	if len(d.Profiles) == 0 {
		t.row("profile", "none", "nothing is lacking that a built-in profile is made for")
	}
	for _, p := range d.Profiles {
		t.row("profile", p.Name, strings.Join(p.Because, "; "))
	}
	for _, l := range d.Lies {
		t.row(l.Kind, l.Name, l.Told, l.Here)
	}
	if len(d.Traps) > 0 {
		t.row("traps", strings.Join(d.Traps, " "))
	}
	if len(d.Limits) > 0 {
		t.section("What it cannot promise here")
		for _, limit := range d.Limits {
			t.row(limit)
		}
	}
	return t.flush()
}

func forCommand(command string) string {
	if command == "" {
		return " (name a COMMAND to see it for that)"
	}
	return " for " + command
}

func describeCapabilities(names []string) string {
	switch n := len(names); {
	case n == 0:
		return "no capabilities"
	case n > 20:
		return fmt.Sprintf("%d capabilities, %s CAP_SYS_ADMIN", n, withOrWithout(slices.Contains(names, "CAP_SYS_ADMIN")))
	default:
		return strings.ToLower(strings.ReplaceAll(strings.Join(names, " "), "CAP_", ""))
	}
}

func withOrWithout(with bool) string {
	if with {
		return "with"
	}
	return "without"
}
