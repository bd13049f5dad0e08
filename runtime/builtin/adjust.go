package builtin

import (
	"errors"
	"os"
	"strconv"

	"github.com/moby/sys/capability"
	"golang.org/x/sys/unix"
)

// adjust does what takes the runtime's own /proc.
func (i *initProcess) adjust() error {
	held, err := capability.NewPid2(0)
	if err == nil {
		err = held.Load()
	}
	if err != nil {
		return err
	}
	i.held = held
	p := i.Spec.Process
	if p.OOMScoreAdj != nil {
		if err := os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(*p.OOMScoreAdj)), 0); err != nil {
			i.lack("process.oomScoreAdj", err)
		}
	}
	if p.ApparmorProfile != "" {
		i.attribute("process.apparmorProfile", "/sys/module/apparmor", "attr/apparmor/exec", "exec "+p.ApparmorProfile)
	}
	if p.SelinuxLabel != "" {
		i.attribute("process.selinuxLabel", "/sys/fs/selinux/enforce", "attr/exec", p.SelinuxLabel)
	}
	if p.Scheduler != nil {
		if err := schedule(p.Scheduler); err != nil {
			i.lack("process.scheduler", err)
		}
	}
	if p.IOPriority != nil {
		if err := prioritise(p.IOPriority); err != nil {
			i.lack("process.ioPriority", err)
		}
	}
	if linux := i.Spec.Linux; linux != nil && linux.Personality != nil {
		if err := assume(linux.Personality); err != nil {
			i.lack("linux.personality", err)
		}
	}
	return nil
}

// attribute sets what a security module gives the program at its execve.
func (i *initProcess) attribute(what, module, name, value string) {
	if _, err := os.Stat(module); err != nil {
		i.lack(what, errors.New("the kernel has no such security module"))
		return
	}
	path := "/proc/self/task/" + strconv.Itoa(unix.Gettid()) + "/" + name
	if err := os.WriteFile(path, []byte(value), 0); err != nil {
		i.lack(what, err)
	}
}

var (
	errNoGroups     = errors.New("the container has no control groups")
	errOthersGroups = errors.New("those of others are there as well")
)

// noteRest notes what this mode has no way to do at all.
func (i *initProcess) noteRest() {
	if i.around && i.Asked {
		i.lack("profile", errServed)
	}
	linux := i.Spec.Linux
	if linux == nil {
		return
	}
	told := errors.New("it is told to the container, and not set in the kernel")
	if i.around {
		told = errServed
	}
	for name := range linux.Sysctl {
		i.lack("sysctl "+name, told)
	}
	i.noteResources()
	for what, asked := range map[string]bool{
		"linux.intelRdt": linux.IntelRdt != nil, "linux.timeOffsets": len(linux.TimeOffsets) > 0,
		"linux.netDevices": len(linux.NetDevices) > 0, "linux.memoryPolicy": linux.MemoryPolicy != nil,
		"linux.mountLabel": linux.MountLabel != "",
	} {
		if asked {
			i.lack(what, errNotSet)
		}
	}
}
