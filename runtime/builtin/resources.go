package builtin

import (
	"fmt"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// resourcesOf are a bundle's limits as the library takes them.
func resourcesOf(r *specs.LinuxResources) *cgroups.Resources {
	to := &cgroups.Resources{SkipDevices: true}
	if r == nil {
		return to
	}
	if m := r.Memory; m != nil {
		set(&to.Memory, m.Limit)
		set(&to.MemoryReservation, m.Reservation)
		set(&to.MemorySwap, m.Swap)
		set(&to.OomKillDisable, m.DisableOOMKiller)
		set(&to.MemoryCheckBeforeUpdate, m.CheckBeforeUpdate)
		to.MemorySwappiness = m.Swappiness
	}
	if c := r.CPU; c != nil {
		set(&to.CpuShares, c.Shares)
		set(&to.CpuQuota, c.Quota)
		to.CpuBurst = c.Burst
		set(&to.CpuPeriod, c.Period)
		set(&to.CpuRtRuntime, c.RealtimeRuntime)
		set(&to.CpuRtPeriod, c.RealtimePeriod)
		to.CpusetCpus, to.CpusetMems, to.CPUIdle = c.Cpus, c.Mems, c.Idle
	}
	if r.Pids != nil {
		to.PidsLimit = r.Pids.Limit
	}
	if b := r.BlockIO; b != nil {
		blockIO(to, b)
	}
	for _, l := range r.HugepageLimits {
		to.HugetlbLimit = append(to.HugetlbLimit, &cgroups.HugepageLimit{Pagesize: l.Pagesize, Limit: l.Limit})
	}
	to.Unified = r.Unified
	return to
}

func blockIO(to *cgroups.Resources, b *specs.LinuxBlockIO) {
	set(&to.BlkioWeight, b.Weight)
	set(&to.BlkioLeafWeight, b.LeafWeight)
	for _, w := range b.WeightDevice {
		var weight, leaf uint16
		set(&weight, w.Weight)
		set(&leaf, w.LeafWeight)
		to.BlkioWeightDevice = append(to.BlkioWeightDevice, cgroups.NewWeightDevice(w.Major, w.Minor, weight, leaf))
	}
	for into, from := range map[*[]*cgroups.ThrottleDevice][]specs.LinuxThrottleDevice{
		&to.BlkioThrottleReadBpsDevice:   b.ThrottleReadBpsDevice,
		&to.BlkioThrottleWriteBpsDevice:  b.ThrottleWriteBpsDevice,
		&to.BlkioThrottleReadIOPSDevice:  b.ThrottleReadIOPSDevice,
		&to.BlkioThrottleWriteIOPSDevice: b.ThrottleWriteIOPSDevice,
	} {
		for _, d := range from {
			*into = append(*into, cgroups.NewThrottleDevice(d.Major, d.Minor, d.Rate))
		}
	}
}

// set takes over what is given.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// Update changes the limits of a container's groups, of which what is not given stays.
func Update(spec *specs.Spec, change *specs.LinuxResources) error {
	groups, err := groupsOf(spec)
	switch {
	case err != nil:
		return err
	case groups == nil || !areMade(groups):
		return errNoGroups
	}
	if err := groups.Set(resourcesOf(change)); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}
