package shells

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lines are command lines that would do something.
var lines = []string{
	"shimrun -- ./deploy.sh pro",
	"shimrun ./deploy.sh pro",
	"shimrun --set kernel.panic=1 -- ./deploy.sh",
	"shimrun --profile endless.yaml -- ./deploy.sh",
	"shimrun --profile endless.yaml ./deploy.sh x",
	"shimrun --stats --stats-file new -- ./deploy.sh x",
	"shimrun --log new ./deploy.sh x",
	"shimrun --metrics localhost:0 ./deploy.sh x",
	"shimrun --dry-run --profile endless.yaml ./deploy.sh",
	"shimrun doctor -- x",
	"shimrun doctor mytool x",
	"shimrun profile check endless.yaml x",
	"shimrun profile show endless.yaml x",
	"shimrun bench --folder new --quick x",
	"shimrun bench endless.yaml x",
	"shimrun validate worker -- ./deploy.sh x",
	"shimrun agent --profile endless.yaml --socket new",
	"shimrun agent --log-file new --socket new x",
	"shimrun spec x",
	"shimrun spec --bundle .",
	"shimrun --root new run --bundle . id",
	"shimrun --root new create id",
	"shimrun --log new --root new delete --force id",
	"shimrun --root new exec id ./deploy.sh x",
	"shimrun --root new list",
	"shimrun completion bash x",
	"shimrun --help",
	"shimrun --version",
	"shimrun",
	"runc --root new run id",
	"runc --log new state id",
	"runc spec",
	"runc checkpoint x",
	"runc ./deploy.sh",
	"runc -- ./deploy.sh",
}

// With the variable set, to whatever, or the word at any place, no word of a
// command line is obeyed.
func TestCompletionObeysNoWord(t *testing.T) {
	folder := newFolder(t)
	before := listing(t, folder)
	const word = "--generate-bash-completion"
	for _, line := range lines {
		words := strings.Fields(line)
		for how, ask := range map[string]struct {
			env  string
			args []string
		}{
			"the variable":         {"SHIMRUN_COMPLETE=1", words[1:]},
			"the variable, 0":      {"SHIMRUN_COMPLETE=0", words[1:]},
			"the variable, empty":  {"SHIMRUN_COMPLETE=", words[1:]},
			"the word, first":      {"X=", append([]string{word}, words[1:]...)},
			"the word, last":       {"X=", append(words[1:len(words):len(words)], word)},
			"the word behind --":   {"X=", append(words[1:len(words):len(words)], "--", word, "x")},
			"both, as the scripts": {"SHIMRUN_COMPLETE=1", append(words[1:len(words):len(words)], word)},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			cmd := exec.CommandContext(ctx, filepath.Join(folder, "bin", words[0]), ask.args...)
			cmd.Args[0], cmd.Dir = words[0], folder
			cmd.Env = []string{"PATH=" + filepath.Join(folder, "bin") + ":/usr/bin:/bin", "HOME=" + folder, "CNI_COMMAND=ADD", ask.env}
			var out, errors bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errors
			err := cmd.Run()
			cancel()
			if ctx.Err() == context.DeadlineExceeded {
				t.Errorf("%s, with %s: it does not end", line, how)
			}
			notRun(t, folder, line+", with "+how)
			if after := listing(t, folder); after != before {
				t.Errorf("%s, with %s: there were the files %s and are %s", line, how, before, after)
				before = after
			}
			asked := how == "both, as the scripts"
			if code := cmd.ProcessState.ExitCode(); asked != (err == nil) || !asked && code != 125 {
				t.Errorf("%s, with %s: status %d", line, how, code)
			}
			if asked != (errors.Len() == 0) || !asked && !strings.Contains(errors.String(), "nothing is run where completions are asked for") {
				t.Errorf("%s, with %s: it says %q", line, how, errors.String())
			}
			for candidate := range strings.Lines(out.String()) {
				if !strings.HasPrefix(candidate, ":") && strings.ContainsAny(candidate, " \t{") {
					t.Errorf("%s, with %s: it prints %q", line, how, candidate)
				}
			}
		}
	}
}

// By the name of a runtime, what is no verb is no program to run either.
func TestRuntimeRunsNoPrograms(t *testing.T) {
	folder := newFolder(t)
	for _, line := range []string{
		"checkpoint -h", "checkpoint --image-path x c", "restore c", "frobnicate -h", "./deploy.sh", "-- ./deploy.sh", "-- mytool",
		"--log-format json checkpoint c", "--root new frobnicate", "--profile none mytool", "--backend auto -- mytool", "doctor", "agent --socket x",
	} {
		cmd := exec.Command(filepath.Join(folder, "bin/runc"), strings.Fields(line)...)
		cmd.Dir, cmd.Env = folder, []string{"PATH=" + filepath.Join(folder, "bin") + ":/usr/bin:/bin"}
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); err == nil || code != 1 {
			t.Errorf("runc %s: status %d, %s", line, code, out)
		}
		notRun(t, folder, "runc "+line)
	}
}

func listing(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}
