package bench

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed floor/*.c floor/*.h floor/golang/*
var sources embed.FS

// programNames are the C programs, each made from the file of its name.
var programNames = []string{"victim", "spawn", "crowd", "notify", "trace", "filtered"}

// goProgram is the one in Go, made from the folder of its name. Where there is no
// Go it is not made, and what it would show is not measured.
const goProgram = "golang"

// Programs makes sure that the C programs are in dir, and compiles them there
// if they are not. An empty dir is one in the user's cache, with a name that
// changes with the sources.
func Programs(dir string) (string, error) {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no folder to keep compiled programs in: %w; name one with --programs", err)
		}
		dir = filepath.Join(cache, "shimrun", "bench", fingerprint())
	}
	complete := true
	for _, name := range programNames {
		complete = complete && exists(filepath.Join(dir, name))
	}
	if complete && (exists(filepath.Join(dir, goProgram)) || lacking([]string{"go"}) != "") {
		return dir, nil
	}
	return dir, compile(dir)
}

// fingerprint tells one set of sources from another.
func fingerprint() string {
	hash := sha256.New()
	for name, text := range sourceFiles() {
		fmt.Fprintf(hash, "%s %d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

// sourceFiles yields the sources in the order of their names.
func sourceFiles() func(func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		const top = "floor"
		// The files are embedded: nothing can fail. WalkDir sorts.
		_ = fs.WalkDir(sources, top, func(name string, e fs.DirEntry, _ error) error {
			if e.IsDir() {
				return nil
			}
			text, _ := sources.ReadFile(name)
			if !yield(strings.TrimPrefix(name, top+"/"), text) {
				return fs.SkipAll
			}
			return nil
		})
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func compile(dir string) error {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	if _, err := exec.LookPath(cc); err != nil {
		return fmt.Errorf("the measured programs are in C, and there is no compiler (%w): install one, or compile on another machine with shimrun bench --prepare DIR and name the folder with --programs DIR", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	for name, text := range sourceFiles() {
		file := filepath.Join(temporary, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, text, 0o644)); err != nil {
			return err
		}
	}
	for _, name := range programNames {
		// Static, so that they run in any sandbox and start fast.
		cmd := exec.Command(cc, "-O2", "-static", "-pthread", "-o", name, name+".c")
		cmd.Dir = temporary
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
		}
		if err := os.Rename(filepath.Join(temporary, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if lacking([]string{"go"}) != "" {
		return nil
	}
	return compileGo(filepath.Join(temporary, goProgram), filepath.Join(dir, goProgram))
}

// compileGo makes the program in Go as shimrun is made: static, and without what
// the C library would bring for names of hosts and users.
func compileGo(folder, program string) error {
	if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module floor\n\ngo 1.21\n"), 0o644); err != nil {
		return err
	}
	const made = "made"
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "netgo,osusergo",
		"-ldflags", `-s -w -linkmode external -extldflags "-static"`, "-o", made, ".")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return os.Rename(filepath.Join(folder, made), program)
}

// lastLine is what a program said last, for an error of one line.
func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
