package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/seccomp"
)

// acceleratedContenders are shimrun with mounts in place of traps, and without.
func acceleratedContenders() []Contender {
	shimrun := func(mode string) func(*place) []string {
		return func(p *place) []string { return p.approximate("--accelerate", mode, "--backend", "seccomp") }
	}
	only := []string{"find-accelerated", "start-accelerated"}
	under := func(program string, flags ...string) func(*place) []string {
		return func(p *place) []string {
			args := append([]string{filepath.Join(p.programs, program)}, flags...)
			return append(args, "--program", filepath.Join(p.dir, remainingFile), "--")
		}
	}
	return []Contender{
		{Name: "exact-mounts", About: "C, user notification: with the filter that mounts leave, what exactness costs", only: only, wrap: under("notify", "--exact", "yes")},
		{Name: "exact-go-mounts", About: "the same in Go", only: only, program: goProgram, wrap: under(goProgram)},
		{Name: "shimrun-mounts", About: "shimrun --backend seccomp --accelerate auto", only: only, wrap: shimrun(runtime.AccelerateAuto)},
		{Name: "shimrun-traps", About: "shimrun --backend seccomp --accelerate off", only: only, wrap: shimrun(runtime.AccelerateOff)},
	}
}

// approximateProfile names sysctls, and a filesystem that is told as another.
const approximateProfile = `name: approximate
sysctls:
  vm.overcommit_memory: 1
  vm.panic_on_oom: 0
  kernel.panic: 10
  kernel.panic_on_oops: 1
filesystems:
  - match: {type: %s}
    report: {type: %s}
approximate: [/proc/sys]
`

func (p *place) approximate(flags ...string) []string {
	args := append([]string{p.shimrun, "--profile", filepath.Join(p.dir, "approximate.yaml")}, flags...)
	return append(args, "--")
}

// writeApproximate writes the profile, and makes sure that mounts tell here what
// it lets them: where traps do, nothing of interest would be measured.
func writeApproximate(p *place) error {
	profile := fmt.Sprintf(approximateProfile, p.realType, p.toldType)
	if err := os.WriteFile(filepath.Join(p.dir, "approximate.yaml"), []byte(profile), 0o644); err != nil {
		return err
	}
	args := append(p.approximate("--dry-run"), "true")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = p.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("shimrun --dry-run: %w: %s", err, lastLine(out))
	}
	for line := range strings.Lines(string(out)) {
		if why, ok := strings.CutPrefix(line, "accelerate\t/proc/sys\ttold by traps: "); ok {
			return fmt.Errorf("no mounts: %s", strings.TrimSpace(why))
		}
	}
	return p.writeRemaining()
}

// remainingFile holds the filter of the traps that mounts leave.
const remainingFile = "remaining.bpf"

// writeRemaining asks the policy for it, as shimrun does.
func (p *place) writeRemaining() error {
	tree, err := treeOf(fakefs.LoadOptions{Profiles: []string{filepath.Join(p.dir, "approximate.yaml")}})
	if err != nil {
		return err
	}
	runtime.Accelerate(tree, runtime.AccelerateAuto, p.dir)
	traps, err := trapsOf(tree)
	if err != nil {
		return err
	}
	return p.writeFilter(remainingFile, traps, seccomp.Notify())
}

func makeAccelerated(p *place) error {
	if err := writeApproximate(p); err != nil {
		return err
	}
	return p.fill("many", 10*treeFolders, treeFiles)
}

func findManyFiles(p *place) []string {
	return []string{"find", filepath.Join(p.dir, "many"), "-type", "f", "-printf", "%s %p\n"}
}
