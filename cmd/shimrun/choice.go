package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/ground"
)

// A choice is the profiles of a run, each with the reason for it.
type choice struct {
	profiles []chosenProfile
	profile  *fakefs.Profile
	// source is what the profile was loaded by.
	source fakefs.LoadOptions
}

// chosenProfile is one profile that was asked for or picked.
type chosenProfile struct {
	Name string `json:"name"`
	// Because says why in words: "asked for", or what the machine lacks.
	Because []string `json:"because"`
}

// choose decides what the command is told, by the flags of c.
func choose(c *cli.Context, command string) (*choice, error) {
	var chosen []chosenProfile
	names, err := profileNames(c.StringSlice("profile"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		switch name {
		case "auto":
			chosen = append(chosen, pick(ground.Try(fakefs.Lacks()...), command)...)
		case "none":
		default:
			chosen = append(chosen, chosenProfile{Name: name, Because: []string{"asked for"}})
		}
	}
	options := fakefs.LoadOptions{
		Set: c.StringSlice("set"), Files: c.StringSlice("file"), Filesystems: split(c.StringSlice("fs")),
		Cgroups: c.String("cgroups"),
		Texts:   map[string][]byte{},
	}
	for _, p := range chosen {
		options.Profiles = append(options.Profiles, p.Name)
	}
	profile, err := fakefs.Load(options)
	if err != nil {
		return nil, err
	}
	warnOfSlips(c, options.Set)
	return &choice{profiles: chosen, profile: profile, source: options}, nil
}

// warnOfSlips tells of sysctls that are served under a name that shimrun does not
// know, and that is near one that it does.
func warnOfSlips(c *cli.Context, set []string) {
	for _, word := range set {
		name, _, _ := strings.Cut(word, "=")
		if near := fakefs.NearSysctl(name); near != "" {
			fmt.Fprintf(c.App.ErrWriter, "shimrun: --set %s: shimrun knows no sysctl of this name, and serves it; did you mean %s?\n", name, near)
		}
	}
}

// profileNames is what --profile says, with the default for nothing.
func profileNames(values []string) ([]string, error) {
	names := split(values)
	if len(names) == 0 {
		return []string{"auto"}, nil
	}
	if len(names) > 1 && slices.Contains(names, "none") {
		return nil, errors.New("--profile none contradicts the other profiles; leave out one or the other")
	}
	return names, nil
}

// split takes lists with commas apart.
func split(values []string) []string {
	var all []string
	for _, value := range values {
		for _, name := range strings.Split(value, ",") {
			if name = strings.TrimSpace(name); name != "" && !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

// pick takes the built-in profiles that the machine and the command call for.
func pick(findings []ground.Finding, command string) []chosenProfile {
	lacks := fakefs.Facts{}
	for _, name := range ground.Lacks(findings) {
		lacks[name] = true
	}
	chosen := []chosenProfile{}
	for _, name := range fakefs.Pick(lacks, command) {
		chosen = append(chosen, chosenProfile{Name: name, Because: reasons(name, findings)})
	}
	return chosen
}

// reasons are the findings that a built-in profile is made for.
func reasons(name string, findings []ground.Finding) []string {
	profile, err := builtinProfile(name)
	if err != nil {
		return nil
	}
	var because []string
	for _, f := range findings {
		if f.Answer == ground.No && slices.Contains(profile.Match.Lacks, f.Name) {
			because = append(because, f.Detail)
		}
	}
	return because
}

// withArguments adds the arguments that the profile has for a command, and
// returns them apart as well.
func withArguments(profile *fakefs.Profile, command []string) (all, added []string) {
	added = profile.ArgumentsFor(command, settingsOf, func(probe string) bool {
		return len(ground.Lacks(ground.Try(probe))) > 0
	})
	return append(slices.Clone(command), added...), added
}
