package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// The jobs are ordinary programs at ordinary work.

func alwaysTrue(*place) []string { return []string{"/bin/true"} }

const (
	treeFolders = 40
	treeFiles   = 100 // in each
)

func makeTree(p *place) error {
	return p.fill("tree", treeFolders, treeFiles)
}

func findTree(p *place) []string {
	return []string{"find", filepath.Join(p.dir, "tree"), "-type", "f", "-printf", "%s %p\n"}
}

// fill makes folders with small files.
func (p *place) fill(name string, folders, files int) error {
	for d := range folders {
		dir := filepath.Join(p.dir, name, "folder"+strconv.Itoa(d))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for f := range files {
			file := filepath.Join(dir, "file"+strconv.Itoa(f))
			if err := os.WriteFile(file, []byte(file+"\n"), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func makeRepository(p *place) error {
	if err := p.fill("repository", 20, 50); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "."},
		{"-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", "All files"},
		{"status"}, // writes the index as it will stay
	} {
		if err := p.prepare(filepath.Join(p.dir, "repository"), "git", args...); err != nil {
			return err
		}
	}
	return nil
}

func gitStatus(p *place) []string {
	return []string{"git", "-C", filepath.Join(p.dir, "repository"), "status"}
}

const goSource = `package main

import (
	"fmt"
	"os"
)

func main() { fmt.Println(os.Args) }
`

func makeModule(p *place) error {
	dir := filepath.Join(p.dir, "module")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{"go.mod": "module bench\n", "main.go": goSource} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return p.prepare(dir, "go", "build", "-o", "out", ".")
}

func goBuild(p *place) []string {
	dir := filepath.Join(p.dir, "module")
	return []string{"go", "build", "-C", dir, "-o", "out", "."}
}

// WarmCache fills Go's cache beside the C programs, for a sandbox in which that
// would take minutes.
func WarmCache(programs string) error {
	if lacking([]string{"go"}) != "" {
		return nil
	}
	dir, err := os.MkdirTemp("", "shimrun-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := &place{dir: dir, programs: programs}
	p.env = p.environment()
	return makeModule(p)
}

// prepare runs a program in a folder, with the environment of the measured ones.
func (p *place) prepare(dir, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, p.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, lastLine(out))
	}
	return nil
}
