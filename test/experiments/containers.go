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
		{"manifest.json", []byte(`[{"Config":"config.json","RepoTags":["docker.io/library/tiny:1"],"Layers":["layer.tar"]}]`)},
	} {
		w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text)), Typeflag: tar.TypeReg})
		w.Write(f.text)
	}
	w.Close()
	r.file("tiny.tar", image.String())
}

// bundleKinds go from what `runc spec` writes to the least that is a container.
var bundleKinds = []struct {
	name, title string
	change      func(spec, linux map[string]any)
}{
	{"default", "as `runc spec` writes it", func(spec, linux map[string]any) {}},
	{"mount-only", "no namespace but that of mounts", func(spec, linux map[string]any) {
		linux["namespaces"] = []any{map[string]any{"type": "mount"}}
		delete(spec, "hostname")
	}},
	{"bare", "and nothing mounted but `/proc`, nothing masked, no resources", func(spec, linux map[string]any) {
		for key := range linux {
			if key != "namespaces" {
				delete(linux, key)
			}
		}
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
	random = regexp.MustCompile(`(sha256:[0-9a-f]{8})[0-9a-f]+|(containerd-mount)\d+|(extract)-[\w-]+`)
)

// complaintOf is the last thing that a program said went wrong.
func complaintOf(x result) string {
	if x.code == -1 {
		return "no end within a minute"
	}
	last := lastLine(x.both())
	if m := logged.FindAllStringSubmatch(last, -1); m != nil {
		last = m[len(m)-1][1]
	}
	return random.ReplaceAllString(last, "$1$2$3…")
}

var unders = []string{"", "shimrun --profile kubernetes -- "}

func underName(under string) string {
	return strings.TrimSpace(code(strings.TrimSuffix(under, " -- ")))
}

// runc runs each bundle. The native run shows that they are in order.
func (r *run) runc() {
	r.head("runc", "where", "under", "bundle", "flags", "outcome")
	const flags = "--no-pivot --no-new-keyring"
	native := execCommand([]string{"runc", "--root", r.scratch + "/runc", "run", "--bundle", r.parts.dir + "/bundle-default", fmt.Sprintf("experiment-%d", os.Getpid())})
	native.Path = filepath.Join(r.parts.dir, "nested/usr/sbin/runc")
	native.Env = append(os.Environ(), nestedEnv(r.parts.dir)...)
	out, err := native.CombinedOutput()
	r.expect(err == nil && string(out) == "contained\n", "the bundle runs natively", string(out))
	r.row("runc", "natively", "", bundleKinds[0].title, "", "works")
	for _, g := range grounds {
		s := r.sandbox(g)
		s.env = nestedEnv(inside)
		n := 0
		for _, under := range unders {
			for _, kind := range bundleKinds {
				for _, f := range []string{"", flags} {
					n++
					x := s.sh(strings.Join(strings.Fields(fmt.Sprintf("%s runc --root /tmp/runc run %s --bundle %s/bundle-%s c%d", under, f, inside, kind.name, n)), " "))
					outcome := "works"
					if x.out != "contained\n" || x.code != 0 {
						outcome = code(complaintOf(x))
					}
					if under == "" {
						r.expect(outcome != "works", "runc alone runs no container in "+g.name, outcome)
					}
					r.row("runc", g.name, underName(under), kind.title, code(f), outcome)
				}
			}
		}
		s.stop()
	}
}

const (
	containerdUp = `for i in $(seq 100); do ctr -a /tmp/c.sock version >/dev/null 2>&1 && break; sleep 0.2; done`
	tiny         = "docker.io/library/tiny:1"
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

// docker starts the daemon with each storage driver.
func (r *run) docker() {
	r.head("docker", "sandbox", "under", "storage driver", "what ends dockerd")
	for _, g := range grounds {
		for _, under := range unders {
			for _, driver := range []string{"vfs", "overlay2", "fuse-overlayfs"} {
				s := r.sandbox(g)
				s.env = nestedEnv(inside)
				line := under + "dockerd --data-root " + dataDir + "/docker --exec-root /tmp/docker -H unix:///tmp/d.sock --pidfile /tmp/d.pid " +
					"--bridge none --iptables=false --ip6tables=false --storage-driver " + driver
				x := s.sh("timeout 20 " + line)
				outcome := code(complaintOf(x))
				if strings.Contains(x.both(), "API listen on /tmp/d.sock") {
					outcome = "nothing: it listens"
				}
				if under == "" {
					r.expectSays("dockerd with "+driver+" in "+g.name, outcome, "failed to start daemon")
				}
				r.row("docker", g.name, underName(under), driver, outcome)
				s.stop()
			}
		}
	}
}
