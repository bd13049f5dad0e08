package builtin

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/shimrun/shimrun/runtime/container"
)

func TestParseCapabilities(t *testing.T) {
	for text, want := range map[string][]string{
		"":                            nil,
		"CAP_KILL":                    {"CAP_KILL"},
		"kill":                        {"CAP_KILL"},
		"Cap_Sys_Admin kill CAP_kill": {"CAP_SYS_ADMIN", "CAP_KILL"},
	} {
		got, err := parseCapabilities(strings.Fields(text))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v, %s", text, err, diff)
		}
	}
	for _, name := range []string{"", "CAP_", "CAP_MOON", "CAP_CAP_KILL", "kill ", "*"} {
		if got, err := parseCapabilities([]string{name}); err == nil {
			t.Errorf("%q: %q", name, got)
		}
	}
	for _, name := range CapabilityNames() {
		if got, err := parseCapabilities([]string{name}); err != nil || got[0] != name {
			t.Errorf("%s, as features lists it: %q, %v", name, got, err)
		}
	}
}

// What is added is added to a copy; inheritable it does not become, and ambient
// only where it is inheritable already.
func TestAddCapabilities(t *testing.T) {
	kill := []string{"CAP_KILL"}
	given := &specs.LinuxCapabilities{Bounding: kill, Permitted: []string{"CAP_CHOWN"}}
	p := &specs.Process{Capabilities: given}
	if err := AddCapabilities(p, []string{"kill", "chown"}); err != nil {
		t.Fatal(err)
	}
	both := []string{"CAP_KILL", "CAP_CHOWN"}
	want := &specs.LinuxCapabilities{Bounding: both, Effective: both, Permitted: []string{"CAP_CHOWN", "CAP_KILL"}}
	if diff := cmp.Diff(want, p.Capabilities); diff != "" {
		t.Error(diff)
	}
	heir := &specs.Process{Capabilities: &specs.LinuxCapabilities{Inheritable: kill}}
	if err := AddCapabilities(heir, []string{"kill", "chown"}); err != nil {
		t.Fatal(err)
	}
	want = &specs.LinuxCapabilities{Bounding: both, Effective: both, Permitted: both, Inheritable: kill, Ambient: kill}
	if diff := cmp.Diff(want, heir.Capabilities); diff != "" {
		t.Error(diff)
	}
	if len(given.Effective) > 0 || !slices.Equal(given.Bounding, kill) {
		t.Errorf("the given ones became %+v", given)
	}
	none := &specs.Process{}
	if err := AddCapabilities(none, nil); err != nil || none.Capabilities == nil {
		t.Errorf("%+v, %v", none.Capabilities, err)
	}
	if err := AddCapabilities(none, []string{"moon"}); err == nil {
		t.Error("an unknown one was added")
	}
}

// What cannot be had is noted, once, and the rest is given.
func TestWantedCapabilities(t *testing.T) {
	held, err := capability.NewPid2(0)
	if err != nil {
		t.Fatal(err)
	}
	held.Set(capability.PERMITTED, capability.CAP_KILL)
	i := &initProcess{held: held}
	names := []string{"CAP_KILL", "CAP_CHOWN", "CAP_MOON"}
	for _, set := range []string{"", "permitted", "effective"} {
		if got := i.wanted(set, names, capability.PERMITTED); !slices.Equal(got, []capability.Cap{capability.CAP_KILL}) {
			t.Errorf("%s: %v", set, got)
		}
	}
	want := []container.Lack{{What: "capability CAP_CHOWN", Why: errNotHeld.Error()}, {What: "capability CAP_MOON", Why: errUnknown.Error()}}
	if diff := cmp.Diff(want, i.lacks); diff != "" {
		t.Error(diff)
	}
}

// A description of a process that says nothing of what keeps the container's
// own in bounds does not set it free.
func TestInherit(t *testing.T) {
	own := &specs.Process{
		Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}}, ApparmorProfile: "strict", SelinuxLabel: "label",
		Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NPROC", Hard: 1, Soft: 1}}, IOPriority: &specs.LinuxIOPriority{Priority: 7},
		Scheduler: &specs.Scheduler{Policy: specs.SchedIdle}, Args: []string{"own"}, NoNewPrivileges: true,
	}
	want := *own
	want.Args, want.NoNewPrivileges = []string{"other"}, false
	if diff := cmp.Diff(&want, inherit(specs.Process{Args: []string{"other"}}, own)); diff != "" {
		t.Error(diff)
	}
	other := specs.Process{
		Capabilities: &specs.LinuxCapabilities{}, ApparmorProfile: "lax", SelinuxLabel: "other",
		Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}}, IOPriority: &specs.LinuxIOPriority{}, Scheduler: &specs.Scheduler{},
	}
	if diff := cmp.Diff(&other, inherit(other, own)); diff != "" {
		t.Error(diff)
	}
}
