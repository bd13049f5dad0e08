package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/test/conformance/cases"
	"github.com/shimrun/shimrun/test/gvisor"
)

// A ground is a kernel, a set of privileges, and the backend that is tried there.
type ground struct {
	name    string
	backend string
	// user is the uid that everything runs as.
	user int
	// caps are the sandbox's capabilities, "" for no sandbox, and runsc is the
	// gVisor that it is in.
	caps, runsc string
	// lied are two mounts of which the profile says that they are ext4, and
	// liedType their real type.
	lied     [2]string
	liedType string
	// refused drops CAP_SYS_ADMIN, so that the kernel refuses to mount.
	refused bool

	sandbox *gvisor.Sandbox
	// without is what its kernel cannot do.
	without []cases.Ability
}

// liedDir holds the mounts that the native grounds lie about, and what the
// sandboxes' second mount shows.
var liedDir string

func grounds() []*ground {
	native := [2]string{filepath.Join(liedDir, "a"), filepath.Join(liedDir, "b")}
	boxed := [2]string{"/", "/var/lib/lied"}
	return []*ground{
		{name: "native/seccomp", backend: "seccomp", lied: native, liedType: "ramfs"},
		{name: "native/ptrace", backend: "ptrace", lied: native, liedType: "ramfs"},
		{name: "native-nobody/seccomp", backend: "seccomp", user: 65534, lied: native, liedType: "ramfs"},
		{name: "native-nobody/ptrace", backend: "ptrace", user: 65534, lied: native, liedType: "ramfs"},
		{name: "gvisor12-all/ptrace", backend: "ptrace", caps: "all", runsc: "debian12", lied: boxed, liedType: "9p"},
		{name: "gvisor12-docker/ptrace", backend: "ptrace", caps: "docker", runsc: "debian12", lied: boxed, liedType: "9p"},
		{name: "gvisor13-all/ptrace", backend: "ptrace", caps: "all", runsc: "debian13", lied: boxed, liedType: "9p"},
		{name: "gvisor13-docker/ptrace", backend: "ptrace", caps: "docker", runsc: "debian13", lied: boxed, liedType: "9p"},
	}
}

// enter makes the ground ready.
func (g *ground) enter(t *testing.T) {
	t.Helper()
	for label, names := range map[string]cases.Names{"real": cases.Real, "fresh": cases.Fresh} {
		names := maps.Clone(names)
		names["lied"], names["lied2"], names["liedtype"] = g.lied[0], g.lied[1], g.liedType
		names["tag"] = g.tag()
		// Beside those that the kernel has, the profile serves some of its own.
		names["cgroups"] = map[string]string{"real": "/sys/fs/cgroup", "fresh": "/sys/kernel/shimcgroup"}[label]
		names["unified"] = map[string]string{"real": unifiedMount(), "fresh": "/sys/kernel/shimunified"}[label]
		names["execs"] = "1000"
		if g.caps != "" {
			names["execs"] = "150"
		}
		data, err := json.Marshal(names)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(g.names(label), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if g.caps != "" {
		g.box(t)
	} else if os.Getuid() != 0 {
		t.Skip("not root")
	}
	out, err := g.bare(t.Context(), filepath.Join(binaries, "victim"), "-lacks").Output()
	if err == nil {
		err = json.Unmarshal(out, &g.without)
	}
	if err != nil {
		t.Fatalf("what the kernel lacks: %v", err)
	}
	slices.Sort(g.without)
	t.Logf("the kernel has no %q", g.without)
}

func (g *ground) box(t *testing.T) {
	g.sandbox = gvisor.Start(t, gvisor.Options{Runsc: g.runsc, Caps: g.caps, Mounts: []string{binaries, liedDir + "/c:" + g.lied[1]}})
}

// revive starts another sandbox where a victim has ended the one that there
// was: old gVisor has bugs that end it all.
func (g *ground) revive(t *testing.T) {
	t.Helper()
	if g.sandbox == nil || g.bare(t.Context(), "/bin/true").Run() == nil {
		return
	}
	t.Errorf("the sandbox ended")
	g.box(t)
}

// tag is what victims of this run on this ground write to the kernel log.
func (g *ground) tag() string {
	return fmt.Sprintf("conformance-%d-%s", os.Getpid(), strings.ReplaceAll(g.name, "/", "-"))
}

// names is the file with the symbols' names on this ground.
func (g *ground) names(label string) string {
	return filepath.Join(binaries, strings.ReplaceAll(g.name, "/", "-")+"-"+label+".json")
}

// bare prepares a command on this ground without shimrun.
func (g *ground) bare(ctx context.Context, args ...string) *exec.Cmd {
	if g.sandbox != nil {
		return g.sandbox.Command(ctx, []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, args...)
	}
	if g.refused {
		args = append([]string{"/usr/bin/setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "LC_ALL=C"}
	cmd.Dir = "/"
	if g.user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(g.user), Gid: uint32(g.user)}}
	}
	return grouped(cmd)
}

// shim prepares a command on this ground under shimrun.
func (g *ground) shim(ctx context.Context, args ...string) *exec.Cmd {
	return g.bare(ctx, g.shimArgs(args...)...)
}

func (g *ground) shimArgs(args ...string) []string {
	return append([]string{filepath.Join(binaries, "shimrun"), "--backend", g.backend, "--profile", filepath.Join(binaries, "conformance.yaml"), "--"}, args...)
}

// unified does the same under a profile that serves cgroup v2.
func (g *ground) unified(ctx context.Context, args ...string) *exec.Cmd {
	words := g.shimArgs(args...)
	words[4] = filepath.Join(binaries, "unified.yaml")
	return g.bare(ctx, words...)
}

// unifiedMount is where the kernel has a cgroup2, "" where it has none.
func unifiedMount() string {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	if err != nil || len(mounts) == 0 || mounts[0].Root != "/" {
		return ""
	}
	return mounts[0].Mountpoint
}

// victims are the ways to start the victim on one ground.
type victims struct {
	*ground
	under func(context.Context, ...string) *exec.Cmd
	label string
}

// start prepares the victim for rows.
func (v *victims) start(ctx context.Context, rows []string) *exec.Cmd {
	return v.under(ctx, append([]string{filepath.Join(binaries, "victim"), "-names", v.names(v.label)}, rows...)...)
}

// groups tells why this machine is no oracle for cgroups, nil where it is one.
func groups() error {
	for _, controller := range cases.Controllers {
		var st unix.Statfs_t
		dir := "/sys/fs/cgroup/" + controller
		if err := unix.Statfs(dir, &st); err != nil || st.Type != unix.CGROUP_SUPER_MAGIC {
			return fmt.Errorf("no controller of cgroup v1 is mounted on %s, so there is no oracle for cgroups", dir)
		}
	}
	return nil
}

// lacks gives the reason why the ground cannot run a row, or "".
func (g *ground) lacks(c *cases.Case) string {
	switch {
	case !strings.HasPrefix(c.Name, os.Getenv("ROWS")):
		return "not asked for"
	case c.Skip(g.name) != "":
		return c.Skip(g.name)
	case slices.Contains(g.without, c.Takes):
		return fmt.Sprintf("the kernel has no %s", c.Takes)
	case c.Needs&cases.Root != 0 && g.user != 0:
		return "needs root"
	case c.Needs&cases.Groups != 0 && groups() != nil:
		if os.Getenv("CI") == "true" {
			panic(groups())
		}
		return groups().Error()
	case c.Needs&cases.Unified != 0 && unifiedMount() == "":
		return "no cgroup2 is mounted, so there is no oracle for one"
	case c.Needs&cases.Mounts != 0 && (g.user != 0 || g.caps == "docker"):
		return "needs CAP_SYS_ADMIN"
	}
	return ""
}
