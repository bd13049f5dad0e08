package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// containers tries Debian's runc, containerd and Docker inside the sandbox.
func containers(r *run) {
	// iptables and the libraries are what dockerd is linked with or looks for.
	if err := r.unpack("runc", "containerd", "docker.io", "fuse-overlayfs", "libseccomp2", "libfuse3-3", "libdevmapper1.02.1",
		"libsystemd0", "libudev1", "iptables", "libip4tc2", "libip6tc2", "libxtables12", "libnftnl11", "libmnl0"); err != nil {
		r.fatal("%w", err)
	}
	r.image()
	r.bundles()
	r.runc()
	r.containerd()
	r.docker()
}

// nestedEnv is the environment in which the unpacked programs are found.
func nestedEnv(root string) []string {
	arch := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	n := root + "/nested"
	return []string{
		"PATH=" + strings.Join([]string{n + "/usr/bin", n + "/usr/sbin", root, "/usr/sbin", "/usr/bin", "/sbin", "/bin"}, ":"),
		fmt.Sprintf("LD_LIBRARY_PATH=%s/lib/%s:%s/usr/lib/%s", n, arch, n, arch),
	}
}

// image writes an image of busybox, as `docker save` does, and unpacks it as
// the root of the bundles.
func (r *run) image() {
	root := filepath.Join(r.parts.dir, "root")
	line := fmt.Sprintf("mkdir -p %s/bin && cp /usr/bin/busybox %s/bin/ && ln -s busybox %s/bin/echo", root, root, root)
	rootfs, err := execCommand([]string{r.repository + "/test/gvisor/install", "--rootfs"}).Output()
	if err != nil {
		r.fatal("%w", err)
	}
	line = strings.Replace(line, "/usr/bin/busybox", strings.TrimSpace(string(rootfs))+"/bin/busybox", 1)
	if err := output(execCommand([]string{"sh", "-c", line})); err != nil {
		r.fatal("%w", err)
	}
	layer, err := execCommand([]string{"tar", "-C", root, "-c", "."}).Output()
	if err != nil {
		r.fatal("%w", err)
	}
	var image bytes.Buffer
	w := tar.NewWriter(&image)
	for _, f := range []struct {
		name string
		text []byte
	}{
		{"layer.tar", layer},
		{"config.json", fmt.Appendf(nil, `{"architecture":%q,"os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%x"]}}`, runtime.GOARCH, sha256.Sum256(layer))},
		{"manifest.json", []byte(`[{"Config":"config.json","RepoTags":["localhost/tiny:1"],"Layers":["layer.tar"]}]`)},
	} {
		w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text)), Typeflag: tar.TypeReg})
		w.Write(f.text)
	}
	w.Close()
	r.file("tiny.tar", image.String())
}

// bundleKinds are what `runc spec` writes, and the least that is a container.
var bundleKinds = []struct {
	name, title, flags string
	change             func(spec, linux map[string]any)
}{
	{"default", "as `runc spec` writes it", "", func(spec, linux map[string]any) {}},
	{"least", "one namespace, one mount, no resources", "--no-pivot --no-new-keyring", func(spec, linux map[string]any) {
		clear(linux)
		linux["namespaces"] = []any{map[string]any{"type": "mount"}}
		delete(spec, "hostname")
		spec["mounts"] = []any{map[string]any{"destination": "/proc", "type": "proc", "source": "proc"}}
	}},
}

// bundles writes them.
func (r *run) bundles() {
	spec := execCommand([]string{filepath.Join(r.parts.dir, "nested/usr/sbin/runc"), "spec"})
	spec.Env = append(os.Environ(), nestedEnv(r.parts.dir)...)
	spec.Dir = r.parts.dir
	if err := output(spec); err != nil {
		r.fatal("%w", err)
	}
	written, err := os.ReadFile(r.parts.dir + "/config.json")
	if err != nil {
		r.fatal("%w", err)
	}
	for _, kind := range bundleKinds {
		var config map[string]any
		if err := json.Unmarshal(written, &config); err != nil {
			r.fatal("%w", err)
		}
		process := config["process"].(map[string]any)
		process["terminal"] = false
		process["args"] = []string{"/bin/busybox", "echo", "contained"}
		config["root"] = map[string]any{"path": "../root", "readonly": true}
		kind.change(config, config["linux"].(map[string]any))
		text, err := json.MarshalIndent(config, "", "\t")
		if err != nil {
			r.fatal("%w", err)
		}
		if err := os.MkdirAll(r.parts.dir+"/bundle-"+kind.name, 0o755); err != nil {
			r.fatal("%w", err)
		}
		r.file("bundle-"+kind.name+"/config.json", string(text))
	}
}

var (
	logged = regexp.MustCompile(`(?:msg|error)="((?:[^"\\]|\\.)*)"`)
	random = regexp.MustCompile(`(sha256:[0-9a-f]{8})[0-9a-f]+|(containerd-mount|moby/)[0-9a-f]+|(extract)-[\w-]+`)
)

// complaintOf is the last thing that a program said went wrong.
func complaintOf(x result) string {
	if x.code == -1 {
		return "no end within a minute"
	}
	last := lastLine(x.both())
	if strings.HasPrefix(last, "See 'docker") {
		last = lastLine(strings.TrimSuffix(strings.TrimSpace(x.both()), last))
	}
	if m := logged.FindAllStringSubmatch(last, -1); m != nil {
		last = m[len(m)-1][1]
	}
	return random.ReplaceAllString(last, "$1$2$3…")
}

var unders = []string{"", "shimrun --profile kubernetes -- "}

func underName(under string) string {
	return strings.TrimSpace(code(strings.TrimSuffix(under, " -- ")))
}

// chowning is what runc asks first of a kernel that has cgroups: to own a pipe.
const chowning = "extends: [kubernetes]\ncalls: {fchown: 0}\n"

// runc runs each bundle. The native run shows that they are in order.
func (r *run) runc() {
	r.file("chowning.yaml", chowning)
	r.values["chowning"] = "```yaml\n" + chowning + "```"
	r.head("runc", "where", "under", "bundle", "flags", "outcome")
	native := execCommand([]string{"runc", "--root", r.scratch + "/runc", "run", "--bundle", r.parts.dir + "/bundle-default", fmt.Sprintf("experiment-%d", os.Getpid())})
	native.Path = filepath.Join(r.parts.dir, "nested/usr/sbin/runc")
	native.Env = append(os.Environ(), nestedEnv(r.parts.dir)...)
	out, err := native.CombinedOutput()
	r.expect(err == nil && string(out) == "contained\n", "the bundle runs natively", string(out))
	r.row("runc", "natively", "", bundleKinds[0].title, "", "works")
	for _, g := range grounds {
		for _, under := range append(unders, "shimrun --profile "+inside+"/chowning.yaml -- ") {
			for _, kind := range bundleKinds {
				// In a sandbox of its own, because it may leave mounts behind.
				s := r.sandbox(g)
				s.env = nestedEnv(inside)
				x := s.sh(strings.Join(strings.Fields(fmt.Sprintf("%s runc --root /tmp/runc run %s --bundle %s/bundle-%s c", under, kind.flags, inside, kind.name)), " "))
				works := x.out == "contained\n" && x.code == 0
				outcome := "works"
				if !works {
					outcome = code(complaintOf(x))
				}
				r.row("runc", g.name, underName(under), kind.title, code(kind.flags), outcome)
				r.expect(!works, "runc runs no container in "+g.name+" "+under, outcome)
				s.stop()
			}
		}
	}
}

const (
	containerdUp = `for i in $(seq 100); do ctr -a /tmp/c.sock version >/dev/null 2>&1 && break; sleep 0.2; done`
	tiny         = "localhost/tiny:1"
)

// containerd starts it, imports an image and runs it.
func (r *run) containerd() {
	r.head("containerd", "sandbox", "under", "snapshotter", "starts", "the image is unpacked", "`ctr run`")
	for _, g := range grounds {
		for _, under := range unders {
			for _, snapshotter := range []string{"overlayfs", "native"} {
				s := r.sandbox(g)
				s.env = nestedEnv(inside)
				s.sh(under + "containerd --root " + dataDir + "/containerd --state /tmp/containerd -a /tmp/c.sock >/tmp/containerd.log 2>&1 & " + containerdUp)
				up := s.sh("ctr -a /tmp/c.sock version")
				imported := s.sh("ctr -a /tmp/c.sock images import --snapshotter " + snapshotter + " " + inside + "/tiny.tar")
				ran := s.sh("ctr -a /tmp/c.sock run --rm --net-host --snapshotter " + snapshotter + " " + tiny + " c1 /bin/busybox echo contained")
				say := func(x result, good bool) string {
					if good {
						return "yes"
					}
					return code(complaintOf(x))
				}
				works := ran.code == 0 && strings.Contains(ran.out, "contained\n")
				r.row("containerd", g.name, underName(under), snapshotter, say(up, up.code == 0),
					say(imported, imported.code == 0), say(ran, works))
				r.expect(up.code == 0, "containerd starts in "+g.name, up.both())
				if under == "" {
					r.expect(imported.code != 0 && !works, "containerd alone unpacks no image in "+g.name, imported.both())
				}
				s.stop()
			}
		}
	}
}

// docker starts the daemon with each storage driver, loads the image and runs
// it.
func (r *run) docker() {
	r.head("docker", "sandbox", "under", "storage driver", "dockerd starts", "the image is loaded", "`docker run`")
	// dockerd executes itself anew without its environment, and has to find its
	// libraries all the same.
	libraries := "echo " + strings.TrimPrefix(nestedEnv(inside)[1], "LD_LIBRARY_PATH=") + " | tr : '\\n' >/etc/ld.so.conf.d/nested.conf; ldconfig"
	const client = "timeout 60 docker -H unix:///tmp/d.sock "
	for _, g := range grounds {
		for _, under := range unders {
			for _, driver := range []string{"vfs", "overlay2"} {
				s := r.sandbox(g)
				s.env = nestedEnv(inside)
				if x := s.sh(libraries); x.code != 0 {
					r.fatal("%s: %s", libraries, x.both())
				}
				s.sh(under + "dockerd --data-root " + dataDir + "/docker --exec-root /tmp/docker -H unix:///tmp/d.sock --pidfile /tmp/d.pid " +
					"--bridge none --iptables=false --ip6tables=false --storage-driver " + driver + " >/tmp/d.log 2>&1 & " +
					"while kill -0 $! 2>/dev/null && ! docker -H unix:///tmp/d.sock version >/dev/null 2>&1; do sleep 0.5; done")
				cells := []string{"no: " + code(complaintOf(s.quietly(time.Minute, "", "tail", "-n", "1", "/tmp/d.log"))), "", ""}
				if s.quietly(time.Minute, "", "docker", "-H", "unix:///tmp/d.sock", "version").code == 0 {
					cells[0] = "yes"
					loaded := s.sh(client + "load -i " + inside + "/tiny.tar")
					cells[1] = yes(loaded.code == 0)
					if loaded.code != 0 {
						cells[1] += ": " + code(complaintOf(loaded))
					}
					ran := s.sh(client + "run --rm --pull never --network none localhost/tiny:1 /bin/busybox echo contained")
					cells[2] = yes(ran.out == "contained\n")
					if cells[2] == "no" {
						cells[2] += ": " + code(complaintOf(ran))
					}
				}
				if under == "" {
					r.expect(cells[0] != "yes", "dockerd alone does not start in "+g.name, cells)
				}
				r.expect(cells[2] != "yes", "Docker runs no container in "+g.name, cells)
				r.row("docker", append([]string{g.name, underName(under), driver}, cells...)...)
				s.stop()
			}
		}
	}
}
