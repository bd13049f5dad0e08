package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
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
	"github.com/shimrun/shimrun/runtime/delegate"
)

// profileFolder holds the machine's own profiles that a bundle may name.
const profileFolder = "/etc/shimrun/profiles"

// containerProfile is what a container is told, as self-contained YAML; empty
// where that is nothing.
//
// Sysctls that the bundle sets become part of it: where a container has no
// namespace of its own, to set them would change the machine. Where nothing can
// be mounted, its mounts are the shim's.
func containerProfile(c *cli.Context, spec *specs.Spec) ([]byte, error) {
	profile, err := loadContainerProfile(c, spec)
	if err != nil || profile.Empty() {
		return nil, err
	}
	return profile.Marshal()
}

// delegatedProfile is that for a container of another runtime's, which enforces
// what the bundle says about devices: one that is denied is not served either.
func delegatedProfile(c *cli.Context, spec *specs.Spec) ([]byte, error) {
	profile, err := loadContainerProfile(c, spec)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(profile.Files, func(name string, _ fakefs.FileLie) bool { return delegate.DeniesDevice(spec, name) })
	if profile.Empty() {
		return nil, nil
	}
	return profile.Marshal()
}

func loadContainerProfile(c *cli.Context, spec *specs.Spec) (*fakefs.Profile, error) {
	names, err := chosenProfiles(c, spec.Annotations[container.AnnotationProfile])
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
	return profile, nil
}

// allowFlag has the profiles that a container's annotation may choose.
func allowFlag() cli.Flag {
	return &cli.StringSliceFlag{
		Name: "allow-profile", EnvVars: []string{"SHIMRUN_ALLOW_PROFILE"},
		Usage: "let the annotation " + container.AnnotationProfile + " of a container choose this profile as well (`NAME`, repeatable)",
	}
}

// asksForProfile tells whether somebody has said what a container is to be told.
func asksForProfile(c *cli.Context, spec *specs.Spec) bool {
	return len(split(c.StringSlice("profile"))) > 0 || spec.Annotations[container.AnnotationProfile] != ""
}

// chosenProfiles are those that the annotation chooses, or else those of
// --profile. An annotation comes from whoever wrote the pod, and what a
// container is told is the administrator's to decide: so it chooses among what
// he gave and allowed, or nothing at all.
func chosenProfiles(c *cli.Context, annotation string) ([]string, error) {
	given, err := profileNames(c.StringSlice("profile"))
	if err != nil {
		return nil, err
	}
	words := split([]string{annotation})
	if len(words) == 0 {
		return given, nil
	}
	allowed := split(c.StringSlice("allow-profile"))
	var names []string
	for _, word := range words {
		name, err := annotatedProfile(word)
		if err != nil {
			return nil, fmt.Errorf("annotation %s: %q %w", container.AnnotationProfile, word, err)
		}
		if name != "none" && !slices.Contains(given, name) && !slices.Contains(given, word) && !slices.Contains(allowed, word) {
			return nil, fmt.Errorf("annotation %s: profile %q is not allowed for containers; to allow it, start shimrun with --allow-profile %[2]s or SHIMRUN_ALLOW_PROFILE=%[2]s",
				container.AnnotationProfile, word)
		}
		names = append(names, name)
	}
	if len(names) > 1 && slices.Contains(names, "none") {
		return nil, fmt.Errorf("annotation %s: \"none\" contradicts the other profiles; leave out one or the other", container.AnnotationProfile)
	}
	return names, nil
}

// profileWord is what an annotation may hold: names, and no paths, for bundles
// come from people who may not read the machine's files.
var profileWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`) })

// annotatedProfile finds the profile that a bundle names: a built-in one, or one
// in [profileFolder].
func annotatedProfile(word string) (string, error) {
	if !profileWord().MatchString(word) {
		return "", fmt.Errorf("is no profile's name; a file has to be in %s, and is named without its folder and .yaml", profileFolder)
	}
	if word == "auto" || word == "none" || slices.Contains(fakefs.Builtins(), word) {
		return word, nil
	}
	file := filepath.Join(profileFolder, word+".yaml")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("names no profile; built in are %s, and %s is not there", strings.Join(fakefs.Builtins(), ", "), file)
	} else if err != nil {
		return "", err
	}
	return file, nil
}
