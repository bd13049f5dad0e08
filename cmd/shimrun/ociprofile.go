package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/ground"
	"github.com/shimrun/shimrun/runtime/builtin"
	"github.com/shimrun/shimrun/runtime/container"
)

// profileFolder holds the machine's own profiles that a bundle may name.
const profileFolder = "/etc/shimrun/profiles"

// containerProfile is what a container is told, as self-contained YAML; empty
// where that is nothing. --profile goes before the bundle's annotation.
//
// Sysctls that the bundle sets become part of it: where a container has no
// namespace of its own, to set them would change the machine. Where nothing can
// be mounted, its mounts are the shim's.
func containerProfile(c *cli.Context, spec *specs.Spec) ([]byte, error) {
	names := split(c.StringSlice("profile"))
	if len(names) == 0 {
		var err error
		if names, err = annotatedProfiles(spec.Annotations[container.AnnotationProfile]); err != nil {
			return nil, err
		}
	}
	names, err := profileNames(names)
	if err != nil {
		return nil, err
	}
	var options fakefs.LoadOptions
	for _, name := range names {
		switch name {
		case "auto":
			for _, p := range pick(ground.Try(fakefs.Lacks()...), spec.Process.Args[0]) {
				options.Profiles = append(options.Profiles, p.Name)
			}
		case "none":
		default:
			options.Profiles = append(options.Profiles, name)
		}
	}
	if spec.Linux != nil {
		for name, value := range spec.Linux.Sysctl {
			options.Set = append(options.Set, name+"="+value)
		}
		slices.Sort(options.Set)
	}
	profile, err := fakefs.Load(options)
	if err != nil {
		return nil, err
	}
	if !builtin.MayMount() {
		profile.Mounts = "virtual"
	}
	if profile.Empty() {
		return nil, nil
	}
	return profile.Marshal()
}

// profileWord is what an annotation may hold: names, and no paths, for bundles
// come from people who may not read the machine's files.
var profileWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`) })

// annotatedProfiles finds the profiles that a bundle names: built-in ones, and
// those in [profileFolder].
func annotatedProfiles(annotation string) ([]string, error) {
	var names []string
	for _, name := range split([]string{annotation}) {
		where := fmt.Sprintf("annotation %s: %q", container.AnnotationProfile, name)
		switch {
		case !profileWord().MatchString(name):
			return nil, fmt.Errorf("%s is no profile's name; a file has to be in %s, and is named without its folder and .yaml", where, profileFolder)
		case name == "auto", name == "none", slices.Contains(fakefs.Builtins(), name):
			names = append(names, name)
		default:
			file := filepath.Join(profileFolder, name+".yaml")
			if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("%s: there is no such profile; built in are %s, and %s is not there", where, strings.Join(fakefs.Builtins(), ", "), file)
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
			names = append(names, file)
		}
	}
	return names, nil
}
