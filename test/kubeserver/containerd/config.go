package containerd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"golang.org/x/sys/unix"
)

// Config is what k3s lets its user choose.
type Config struct {
	DataDir     string // k3s's own
	Snapshotter string
	PauseImage  string
}

// State is where k3s has containerd's sockets and bundles, whatever its own
// folder is.
const State = "/run/k3s/containerd"

// Socket is where it listens.
const Socket = State + "/containerd.sock"

func (c Config) Root() string { return filepath.Join(c.DataDir, "agent/containerd") }
func (c Config) etc() string  { return filepath.Join(c.DataDir, "agent/etc/containerd") }
func (c Config) File() string { return filepath.Join(c.etc(), "config.toml") }

// Images is the folder whose archives are imported.
func (c Config) Images() string { return filepath.Join(c.DataDir, "agent/images") }

// EnableUnprivileged says whether containers may open ports below 1024 and ping:
// sysctls that k3s sets from Linux 4.11 on.
func (c Config) EnableUnprivileged() bool {
	var uts unix.Utsname
	var major, minor int
	if err := unix.Uname(&uts); err != nil {
		return false
	}
	fmt.Sscanf(unix.ByteSliceToString(uts.Release[:]), "%d.%d", &major, &minor)
	return major > 4 || major == 4 && minor >= 11
}

const base = `version = 3
{{ with .Imports }}imports = [{{ printf "%q" . }}]
{{ end }}root = {{ printf "%q" .Root }}
state = {{ printf "%q" .State }}

[grpc]
  address = {{ printf "%q" .Socket }}

[plugins.'io.containerd.internal.v1.opt']
  path = {{ printf "%q" .Root }}

[plugins.'io.containerd.grpc.v1.cri']
  stream_server_address = "127.0.0.1"
  stream_server_port = "10010"

[plugins.'io.containerd.cri.v1.runtime']
  enable_selinux = false
  enable_unprivileged_ports = {{ .EnableUnprivileged }}
  enable_unprivileged_icmp = {{ .EnableUnprivileged }}

[plugins.'io.containerd.cri.v1.images']
  snapshotter = {{ printf "%q" .Snapshotter }}
  disable_snapshot_annotations = true
  use_local_image_pull = true

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = {{ printf "%q" .PauseImage }}

[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = {{ printf "%q" .Registries }}

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
`

// userTemplate replaces the configuration; it can say {{ template "base" . }}.
const userTemplate = "config-v3.toml.tmpl"

func (c Config) Registries() string { return filepath.Join(c.etc(), "certs.d") }

// Imports are what is read besides, "" for nothing: k3s has them since its pull request
// 13680 of February 2026.
func (c Config) Imports() string {
	if !imports {
		return ""
	}
	return filepath.Join(c.etc(), "config-v3.toml.d/*.toml")
}

func (c Config) State() string  { return State }
func (c Config) Socket() string { return Socket }

// write writes the configuration file.
func (c Config) write() error {
	t := template.Must(template.New("base").Parse(base))
	user := filepath.Join(c.etc(), userTemplate)
	switch text, err := os.ReadFile(user); {
	case err == nil:
		if t, err = t.New("user").Parse(string(text)); err != nil {
			return fmt.Errorf("%s: %w", user, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	var out strings.Builder
	if err := t.Execute(&out, c); err != nil {
		return fmt.Errorf("configuration of containerd: %w", err)
	}
	if err := os.MkdirAll(c.etc(), 0o700); err != nil {
		return err
	}
	return os.WriteFile(c.File(), []byte(out.String()), 0o600)
}
