package fakefs

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// merger lays profiles over each other, setting by setting.
type merger struct {
	into    *Profile
	extends func(file, other string) bool
	// disputes are settings that unrelated profiles make differently, until a
	// profile above decides them.
	disputes map[string][2]Place
}

func newMerger(extends func(file, other string) bool) *merger {
	return &merger{into: newProfile(), extends: extends, disputes: map[string][2]Place{}}
}

// add lays a profile over what is there; own means that its word is final.
func (m *merger) add(p *Profile, own bool) {
	overlay(m, p, own, "sysctls", m.into.Sysctls, p.Sysctls)
	overlay(m, p, own, "files", m.into.Files, p.Files)
	overlay(m, p, own, "filesystems", m.into.Filesystems, p.Filesystems)
	overlay(m, p, own, "quirks", m.into.Quirks, p.Quirks)
	overlay(m, p, own, "calls", m.into.Calls, p.Calls)
	overlay(m, p, own, "programs", m.into.Programs, p.Programs)
	overlay(m, p, own, "arguments", m.into.Arguments, p.Arguments)
	overlay(m, p, own, "cgroups", m.into.Cgroups.Controllers, p.Cgroups.Controllers)
	scalar(m, p, own, "cgroups", "version", &m.into.Cgroups.Version, p.Cgroups.Version)
	scalar(m, p, own, "cgroups", "root", &m.into.Cgroups.Root, p.Cgroups.Root)
	scalar(m, p, own, "cgroups", "when", &m.into.Cgroups.When, p.Cgroups.When)
	scalar(m, p, own, "memory", "total", &m.into.Memory.Total, p.Memory.Total)
	scalar(m, p, own, "memory", "swap", &m.into.Memory.Swap, p.Memory.Swap)
	scalar(m, p, own, "links", "", &m.into.Links, p.Links)
	scalar(m, p, own, "mounts", "", &m.into.Mounts, p.Mounts)
}

func overlay[V any](m *merger, p *Profile, own bool, section string, into, from map[string]V) {
	for name, value := range from {
		old, there := into[name]
		if m.takes(p, own, section, name, there && reflect.DeepEqual(old, value)) {
			into[name] = value
		}
	}
}

func scalar[V comparable](m *merger, p *Profile, own bool, section, name string, into *V, from V) {
	var zero V
	if from != zero && m.takes(p, own, section, name, *into == from) {
		*into = from
	}
}

// takes decides whether a setting of p goes over the one that is there.
func (m *merger) takes(p *Profile, own bool, section, name string, same bool) bool {
	key := section + " " + name
	old, there := m.into.at[key]
	place := p.at[key]
	switch {
	case own:
		delete(m.disputes, key)
	case !there:
	case same:
		return false
	case m.extends(old.File, place.File):
		return false
	case !m.extends(place.File, old.File):
		m.disputes[key] = [2]Place{old, place}
		return false
	}
	m.into.at[key] = place
	return true
}

// conflicts are the disputes that nobody has decided.
func (m *merger) conflicts() (errs []error) {
	for _, key := range slices.Sorted(maps.Keys(m.disputes)) {
		section, name, _ := strings.Cut(key, " ")
		places := m.disputes[key]
		errs = append(errs, &ProfileError{
			At: places[1], Subject: section + " " + displayName(section, name),
			Cause:   fmt.Sprintf("profile %s contradicts profile %s at %s", places[1].Profile, places[0].Profile, places[0]),
			Allowed: "one value; a profile that extends both may decide",
		})
	}
	return errs
}
