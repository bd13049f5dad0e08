package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// plans parses a command line up to the plan.
func plans(t *testing.T, args ...string) (*plan, error) {
	t.Helper()
	var got *plan
	app := newApp(&bytes.Buffer{}, &bytes.Buffer{})
	for _, c := range app.Commands {
		name := c.Name
		c.Action = func(ctx *cli.Context) (err error) {
			got, err = newPlan(ctx, name)
			return err
		}
	}
	err := app.Run(append([]string{"shimrun-validate"}, args...))
	if got != nil {
		t.Cleanup(got.close)
	}
	return got, err
}

func TestWrongCommandLines(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"k3s": "#!/bin/sh\n", "shimrun": "#!/bin/sh\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	for args, says := range map[string]string{
		"":                                                   "no experiment given",
		"nonsense":                                           `unknown experiment "nonsense"`,
		"worker --nonsense":                                  "see shimrun validate worker --help",
		"worker":                                             "nothing to measure",
		"worker -- no-such-server server":                    "no-such-server",
		"worker --kubeconfig /nowhere":                       "/nowhere",
		"worker --compare --kubeconfig /x":                   "there is none after --",
		"worker --without --compare -- k3s":                  "take one",
		"worker --runs 0 -- k3s server":                      "--runs",
		"worker --timeout 0s -- k3s server":                  "--timeout",
		"worker -- k3s server --disable-agent":               "a worker needs an agent",
		"control-plane -- k3s agent":                         "--kubeconfig",
		"control-plane --under profile=x -- k3s server":      "--under needs one flag",
		"control-plane --under --stats-file=x -- k3s server": "cannot pass on --stats-file",
		"control-plane --without --under --profile=x -- k3s server": "take one",
		"control-plane --chart /nowhere -- k3s server":              "--chart",
		"control-plane --scratch /nowhere -- k3s server":            "--scratch",
		"control-plane --server-log /nowhere/x -- k3s server":       "--server-log",
		"stability --for 1m --every 1m -- k3s server":               "too short",
	} {
		if _, err := plans(t, strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", args, err, says)
		}
	}
}

func TestCommandLines(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"k3s", "shimrun"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	for _, c := range []struct {
		args, with, kubeconfig string
		sides                  []bool
	}{
		{"control-plane -- k3s server --disable-agent",
			"DIR/shimrun --stats-file=S -- DIR/k3s server --disable-agent --data-dir=D/data --write-kubeconfig=D/kubeconfig", "D/kubeconfig", []bool{true}},
		{"worker --runs 2 --compare --under --profile=a,b -- k3s server --data-dir /d --write-kubeconfig=/k",
			"DIR/shimrun --profile=a,b --stats-file=S -- DIR/k3s server --data-dir /d --write-kubeconfig=/k", "/k", []bool{true, false, false, true}},
		{"worker --without --kubeconfig /k -- k3s start", "DIR/k3s start", "/k", []bool{false}},
	} {
		p, err := plans(t, strings.Fields(c.args)...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		args, kubeconfig := p.commandOf(c.sides[0], "D", "S")
		if got := strings.ReplaceAll(strings.Join(args, " "), dir, "DIR"); got != c.with || kubeconfig != c.kubeconfig || !slices.Equal(p.sides, c.sides) {
			t.Errorf("%s:\n%s (%s, %v), want\n%s", c.args, got, kubeconfig, p.sides, c.with)
		}
	}
}

// docs/validate.md has every flag.
func TestFlagsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/validate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range newApp(&bytes.Buffer{}, &bytes.Buffer{}).Commands {
		for _, flag := range command.Flags {
			if name := "--" + flag.Names()[0]; !strings.Contains(string(text), name) {
				t.Errorf("docs/validate.md does not know %s of %s", name, command.Name)
			}
		}
	}
}

func TestQuote(t *testing.T) {
	if got := quote([]string{"a-b=c", "", "it's", "x y"}); got != `a-b=c '' 'it'\''s' 'x y'` {
		t.Error(got)
	}
}
