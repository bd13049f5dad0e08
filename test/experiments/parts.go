package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// parts are the programs that experiments are made with, in one folder that is
// /opt/experiment in every sandbox.
type parts struct {
	repository string
	dir        string
	server     string // kubeserver, or k3s where the machine has it
	nested     []string
}

const inside = "/opt/experiment"

// newParts builds and gathers them. shimrun has to be built before.
func newParts(repository, dir string) (*parts, error) {
	p := &parts{repository: repository, dir: dir, server: "kubeserver"}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	shimrun := os.Getenv("SHIMRUN")
	if shimrun == "" {
		shimrun = filepath.Join(repository, "bin/shimrun")
	}
	if _, err := os.Stat(shimrun); err != nil {
		return nil, fmt.Errorf("run make build, or set SHIMRUN: %w", err)
	}
	if err := output(exec.Command(repository+"/test/gvisor/install", "--rootfs")); err != nil {
		return nil, err
	}
	server, err := exec.LookPath("k3s")
	if err == nil {
		p.server = "k3s"
	} else if server = os.Getenv("KUBESERVER"); server == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		server = filepath.Join(cache, "shimrun/kubeserver/kubeserver")
		if err := output(exec.Command(repository+"/test/kubeserver/build", server)); err != nil {
			return nil, err
		}
	}
	for name, source := range map[string]string{"shimrun": shimrun, p.server: server} {
		if err := output(exec.Command("cp", "-L", source, filepath.Join(dir, name))); err != nil {
			return nil, err
		}
	}
	return p, output(exec.Command(repository+"/test/cadvisor/build", filepath.Join(dir, "probe")))
}

// compile makes a static program of a C file below naive/.
func (r *run) compile(name string) {
	source := "test/experiments/naive/" + name + ".c"
	cmd := exec.Command("gcc", "-O2", "-static", "-pthread", "-o", r.parts.dir+"/"+name, source)
	cmd.Dir = r.repository
	r.did("# " + strings.Join(cmd.Args, " "))
	if err := output(cmd); err != nil {
		r.fatal("%w", err)
	}
}

// unpack lays out Debian packages below parts/nested, without installing them.
func (p *parts) unpack(packages ...string) error {
	dir := filepath.Join(p.dir, "nested")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	get := exec.Command("apt-get", append([]string{"-qq", "-o", "APT::Sandbox::User=root", "download"}, packages...)...)
	get.Dir = dir
	if err := output(get); err != nil {
		return err
	}
	files, err := filepath.Glob(dir + "/*.deb")
	if err != nil {
		return err
	}
	p.nested = nil
	for _, file := range files {
		if err := output(exec.Command("dpkg", "-x", file, dir)); err != nil {
			return err
		}
		version, err := exec.Command("dpkg-deb", "-W", "--showformat", "${Package} ${Version}", file).Output()
		if err != nil {
			return err
		}
		p.nested = append(p.nested, string(version))
		os.Remove(file)
	}
	return nil
}

// output runs a command, and puts what it printed into the error.
func output(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// versions tells what was used.
func (p *parts) versions() *table {
	t := &table{head: []string{"part", "version"}}
	say := func(part string, name string, args ...string) {
		cmd := exec.Command(name, args...)
		cmd.Dir = p.repository
		out, err := cmd.Output()
		first, _, _ := strings.Cut(string(bytes.TrimSpace(out)), "\n")
		if err != nil {
			first = "unknown: " + err.Error()
		}
		t.rows = append(t.rows, []string{part, first})
	}
	say("host's kernel", "uname", "-sr")
	say("host's distribution", "sh", "-c", `. /etc/os-release; echo "$PRETTY_NAME"`)
	say("gVisor", "dpkg-query", "-W", "-f", "runsc ${Version}, --platform=ptrace, 9p root", "runsc")
	say("shimrun", filepath.Join(p.dir, "shimrun"), "--version")
	if p.server == "k3s" {
		say("server", filepath.Join(p.dir, "k3s"), "--version")
	} else {
		say("server", "sh", "-c", "cd test/kubeserver && echo kubeserver of k8s.io/kubernetes $(GOWORK=off go list -m -f '{{.Version}}' k8s.io/kubernetes)")
	}
	say("cAdvisor", "sh", "-c", "cd test/cadvisor && GOWORK=off go list -m -f '{{.Version}}' github.com/google/cadvisor")
	say("Go", "go", "env", "GOVERSION")
	for _, n := range p.nested {
		name, version, _ := strings.Cut(n, " ")
		t.rows = append(t.rows, []string{"Debian's " + name, version})
	}
	return t
}
