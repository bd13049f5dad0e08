package builtin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// capabilityNames finds capabilities by the names that bundles have for them.
var capabilityNames = sync.OnceValue(func() map[string]capability.Cap {
	names := map[string]capability.Cap{}
	for _, c := range capability.ListKnown() {
		names["CAP_"+strings.ToUpper(c.String())] = c
	}
	return names
})

// CapabilityNames are all capabilities that a bundle can name.
func CapabilityNames() []string {
	var names []string
	for _, c := range capability.ListKnown() {
		names = append(names, "CAP_"+strings.ToUpper(c.String()))
	}
	return names
}

var (
	errUnknown = errors.New("there is no such capability")
	errNotHeld = errors.New("shimrun itself does not have it")
)

// dropBounding limits what execve(2) can ever give back.
func (i *initProcess) dropBounding(caps *specs.LinuxCapabilities) {
	if caps == nil {
		caps = &specs.LinuxCapabilities{}
	}
	set, err := capability.NewPid2(0)
	if err == nil {
		set.Set(capability.BOUNDING, i.wanted("", caps.Bounding, capability.BOUNDING)...)
		err = set.Apply(capability.BOUNDING)
	}
	if err == nil && !i.held.Get(capability.EFFECTIVE, capability.CAP_SETPCAP) {
		err = errors.New("it takes CAP_SETPCAP")
	}
	if err != nil {
		i.lack("capabilities.bounding", err)
	}
}

// setCapabilities sets the other four sets.
func (i *initProcess) setCapabilities(caps *specs.LinuxCapabilities) error {
	if caps == nil {
		caps = &specs.LinuxCapabilities{}
	}
	set, err := capability.NewPid2(0)
	if err != nil {
		return err
	}
	permitted := i.wanted("permitted", caps.Permitted, capability.PERMITTED)
	set.Set(capability.PERMITTED, permitted...)
	set.Set(capability.EFFECTIVE, i.wanted("effective", caps.Effective, capability.PERMITTED)...)
	set.Set(capability.INHERITABLE, i.wanted("inheritable", caps.Inheritable, capability.PERMITTED)...)
	if err := set.Apply(capability.CAPS); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	// A capability can be ambient only where it is inheritable as well; runc
	// leaves others out too, and says so.
	var vain []string
	ambient := slices.DeleteFunc(i.wanted("ambient", caps.Ambient, capability.PERMITTED), func(c capability.Cap) bool {
		can := set.Get(capability.INHERITABLE, c) && set.Get(capability.PERMITTED, c)
		if !can {
			vain = append(vain, "CAP_"+strings.ToUpper(c.String()))
		}
		return !can
	})
	if vain != nil {
		i.warnings = append(i.warnings, "can't raise ambient capability "+strings.Join(vain, ", ")+": it takes the same inheritable and permitted")
	}
	set.Set(capability.AMBIENT, ambient...)
	if err := set.Apply(capability.AMBIENT); err != nil && len(ambient) > 0 {
		i.lack("capabilities.ambient", err)
	}
	return nil
}

// wanted are those of the named capabilities that can be had: what the process
// does not have itself it cannot give.
func (i *initProcess) wanted(set string, names []string, from capability.CapType) []capability.Cap {
	var caps []capability.Cap
	for _, name := range names {
		c, known := capabilityNames()[name]
		var err error
		switch {
		case !known:
			err = errUnknown
		case !i.held.Get(from, c):
			err = errNotHeld
		default:
			caps = append(caps, c)
		}
		if err != nil && set != "" {
			i.lackOnce("capability "+name, err)
		}
	}
	return caps
}

// lackOnce is lack for what several sets ask for.
func (i *initProcess) lackOnce(what string, why error) {
	for _, l := range i.lacks {
		if l.What == what {
			return
		}
	}
	i.lack(what, why)
}

// parseCapabilities tells whether all are known, for flags.
func parseCapabilities(names []string) ([]string, error) {
	var all []string
	for _, name := range names {
		name = strings.ToUpper(name)
		if !strings.HasPrefix(name, "CAP_") {
			name = "CAP_" + name
		}
		if _, known := capabilityNames()[name]; !known {
			return nil, fmt.Errorf("unknown capability %q", name)
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all, nil
}

// MayMount tells whether this process may ask the kernel to mount.
func MayMount() bool {
	own, err := capability.NewPid2(0)
	if err != nil {
		return false
	}
	_ = own.Load() // what it reads last may be missing, and does not matter
	return own.Get(capability.EFFECTIVE, capability.CAP_SYS_ADMIN)
}
