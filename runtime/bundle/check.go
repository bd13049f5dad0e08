package bundle

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Check refuses what the specification calls an error in a config.json.
func Check(spec *specs.Spec) error {
	return errors.Join(
		checkVersion(spec.Version),
		checkRoot(spec.Root),
		checkMounts(spec.Mounts),
		checkHooks(spec.Hooks),
		checkLinux(spec),
		checkOptionalProcess(spec.Process),
	)
}

// semver is a version in the sense of SemVer 2.0.0.
var semver = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\d+)\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
})

func checkVersion(version string) error {
	m := semver().FindStringSubmatch(version)
	switch {
	case version == "":
		return errors.New("ociVersion is missing; this runtime knows versions 1.0.0 to " + specs.Version)
	case m == nil:
		return fmt.Errorf("ociVersion %q is no version in the form of SemVer", version)
	case m[1] != "1":
		return fmt.Errorf("ociVersion %s is not supported; this runtime knows versions 1.0.0 to %s", version, specs.Version)
	}
	return nil
}

func checkRoot(root *specs.Root) error {
	if root == nil || root.Path == "" {
		return errors.New("root.path must be set to the root file system's folder")
	}
	return checkNUL("root.path", root.Path)
}

func checkMounts(mounts []specs.Mount) error {
	var all []error
	for i, m := range mounts {
		where := fmt.Sprintf("mounts[%d]", i)
		if !filepath.IsAbs(m.Destination) {
			all = append(all, fmt.Errorf("%s: destination %q is not absolute", where, m.Destination))
		}
		if len(m.UIDMappings)+len(m.GIDMappings) > 0 && (len(m.UIDMappings) == 0 || len(m.GIDMappings) == 0) {
			all = append(all, fmt.Errorf("%s: uidMappings and gidMappings must be given together", where))
		}
		all = append(all, checkNUL(where, append([]string{m.Destination, m.Source, m.Type}, m.Options...)...))
	}
	return errors.Join(all...)
}

func checkHooks(hooks *specs.Hooks) error {
	if hooks == nil {
		return nil
	}
	var all []error
	for name, list := range map[string][]specs.Hook{
		//lint:ignore SA1019 deprecated, and still to be run
		"prestart": hooks.Prestart, "createRuntime": hooks.CreateRuntime, "createContainer": hooks.CreateContainer,
		"startContainer": hooks.StartContainer, "poststart": hooks.Poststart, "poststop": hooks.Poststop,
	} {
		for i, hook := range list {
			if !filepath.IsAbs(hook.Path) {
				all = append(all, fmt.Errorf("hooks.%s[%d]: path %q is not absolute", name, i, hook.Path))
			}
			if hook.Timeout != nil && *hook.Timeout <= 0 {
				all = append(all, fmt.Errorf("hooks.%s[%d]: timeout must be greater than zero", name, i))
			}
		}
	}
	return errors.Join(all...)
}

func checkOptionalProcess(process *specs.Process) error {
	if process == nil {
		return errors.New("process property must not be empty")
	}
	return CheckProcess(process)
}

// CheckProcess does the same for a process.json.
func CheckProcess(process *specs.Process) error {
	var all []error
	if process.Cwd == "" {
		all = append(all, errors.New("process.cwd property must not be empty"))
	} else if !filepath.IsAbs(process.Cwd) {
		all = append(all, fmt.Errorf("process.cwd must be an absolute path, and %q is not", process.Cwd))
	}
	if len(process.Args) == 0 {
		all = append(all, errors.New("process.args must not be empty"))
	}
	seen := map[string]bool{}
	for i, limit := range process.Rlimits {
		switch {
		case seen[limit.Type]:
			all = append(all, fmt.Errorf("process.rlimits[%d]: %s is given twice", i, limit.Type))
		case !slices.Contains(rlimits, limit.Type):
			all = append(all, fmt.Errorf("process.rlimits[%d]: invalid rlimit type %q", i, limit.Type))
		case limit.Soft > limit.Hard:
			all = append(all, fmt.Errorf("process.rlimits[%d]: the soft limit %d is above the hard one, %d", i, limit.Soft, limit.Hard))
		}
		seen[limit.Type] = true
	}
	all = append(all, checkNUL("process.args", process.Args...), checkNUL("process.env", process.Env...),
		checkNUL("process.cwd", process.Cwd))
	return errors.Join(all...)
}

var rlimits = []string{
	"RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS", "RLIMIT_MEMLOCK",
	"RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
	"RLIMIT_SIGPENDING", "RLIMIT_STACK",
}

func checkLinux(spec *specs.Spec) error {
	linux := spec.Linux
	if linux == nil {
		linux = &specs.Linux{}
	}
	var all []error
	seen := map[specs.LinuxNamespaceType]bool{}
	for i, ns := range linux.Namespaces {
		switch {
		case !slices.Contains(namespaces, ns.Type):
			all = append(all, fmt.Errorf("linux.namespaces[%d]: namespace %q does not exist", i, ns.Type))
		case seen[ns.Type]:
			all = append(all, fmt.Errorf("linux.namespaces[%d]: malformed spec file: duplicated ns %q", i, ns.Type))
		case ns.Path != "" && !filepath.IsAbs(ns.Path):
			all = append(all, fmt.Errorf("linux.namespaces[%d]: path %q is not absolute", i, ns.Path))
		}
		seen[ns.Type] = true
	}
	if (spec.Hostname != "" || spec.Domainname != "") && !seen[specs.UTSNamespace] {
		all = append(all, errors.New("unable to set hostname or domainname without a private UTS namespace"))
	}
	for what, paths := range map[string][]string{"maskedPaths": linux.MaskedPaths, "readonlyPaths": linux.ReadonlyPaths} {
		for i, path := range paths {
			if !filepath.IsAbs(path) {
				all = append(all, fmt.Errorf("linux.%s[%d]: %q is not absolute", what, i, path))
			}
		}
	}
	for i, device := range linux.Devices {
		if !filepath.IsAbs(device.Path) {
			all = append(all, fmt.Errorf("linux.devices[%d]: path %q is not absolute", i, device.Path))
		}
		if !slices.Contains([]string{"c", "u", "b", "p"}, device.Type) {
			all = append(all, fmt.Errorf("linux.devices[%d]: type %q is none of c, u, b, p", i, device.Type))
		}
	}
	if p := linux.RootfsPropagation; p != "" && !slices.Contains(propagations, p) {
		all = append(all, fmt.Errorf("linux.rootfsPropagation=%s is not supported; it can be %s", p, strings.Join(propagations, ", ")))
	}
	return errors.Join(append(all, checkSeccomp(linux.Seccomp))...)
}

var namespaces = []specs.LinuxNamespaceType{
	specs.PIDNamespace, specs.NetworkNamespace, specs.MountNamespace, specs.IPCNamespace, specs.UTSNamespace,
	specs.UserNamespace, specs.CgroupNamespace, specs.TimeNamespace,
}

var propagations = []string{
	"private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable",
}

func checkNUL(where string, words ...string) error {
	for _, word := range words {
		if strings.IndexByte(word, 0) >= 0 {
			return fmt.Errorf("%s: %q has a zero byte in it", where, word)
		}
	}
	return nil
}
