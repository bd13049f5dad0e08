package delegate

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestDeniesDevice(t *testing.T) {
	one, eleven, three := int64(1), int64(11), int64(3)
	nothing := specs.LinuxDeviceCgroup{Access: "rwm"}
	kmsg := func(allow bool, access string) specs.LinuxDeviceCgroup {
		return specs.LinuxDeviceCgroup{Allow: allow, Type: "c", Major: &one, Minor: &eleven, Access: access}
	}
	has := []specs.LinuxDevice{{Path: "/dev/kmsg", Type: "c", Major: 1, Minor: 11}}
	bound := []specs.Mount{{Destination: "/dev", Type: "bind", Source: "/dev"}}
	covered := append(bound[:1:1], specs.Mount{Destination: "/dev", Type: "tmpfs", Source: "tmpfs"})
	for name, test := range map[string]struct {
		rules   []specs.LinuxDeviceCgroup
		devices []specs.LinuxDevice
		mounts  []specs.Mount
		want    bool
	}{
		"no rules":                      {nil, has, nil, false},
		"all denied, and no device":     {[]specs.LinuxDeviceCgroup{nothing}, nil, nil, false},
		"all denied":                    {[]specs.LinuxDeviceCgroup{nothing}, has, nil, true},
		"allowed after that":            {[]specs.LinuxDeviceCgroup{nothing, kmsg(true, "rw")}, has, nil, false},
		"to be read only":               {[]specs.LinuxDeviceCgroup{nothing, kmsg(true, "r")}, has, nil, true},
		"to be made only":               {[]specs.LinuxDeviceCgroup{nothing, kmsg(true, "m")}, has, nil, true},
		"allowed before that":           {[]specs.LinuxDeviceCgroup{kmsg(true, "rw"), nothing}, has, nil, true},
		"denied by its number":          {[]specs.LinuxDeviceCgroup{kmsg(false, "rwm")}, has, nil, true},
		"another is denied":             {[]specs.LinuxDeviceCgroup{{Type: "c", Major: &one, Minor: &three, Access: "rwm"}}, has, nil, false},
		"all of its major are denied":   {[]specs.LinuxDeviceCgroup{{Type: "c", Major: &one, Access: "rwm"}}, has, nil, true},
		"block devices are denied":      {[]specs.LinuxDeviceCgroup{{Type: "b", Access: "rwm"}}, has, nil, false},
		"the machine's are bound":       {[]specs.LinuxDeviceCgroup{nothing}, nil, bound, true},
		"and allowed":                   {[]specs.LinuxDeviceCgroup{nothing, {Allow: true, Type: "a", Access: "rwm"}}, nil, bound, false},
		"and covered by something else": {[]specs.LinuxDeviceCgroup{nothing}, nil, covered, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := "/dev/kmsg"
			if test.mounts != nil {
				path = "/dev/null" // which every machine has
			}
			spec := &specs.Spec{Mounts: test.mounts, Linux: &specs.Linux{Devices: test.devices, Resources: &specs.LinuxResources{Devices: test.rules}}}
			if got := DeniesDevice(spec, path); got != test.want {
				t.Errorf("denied: %v, want %v", got, test.want)
			}
		})
	}
	if DeniesDevice(&specs.Spec{}, "/dev/kmsg") {
		t.Error("a bundle without rules denies")
	}
}
