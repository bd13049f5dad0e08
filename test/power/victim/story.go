package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/test/power/acts"
)

func until(seconds string) (time.Time, error) {
	n, err := strconv.Atoi(seconds)
	return time.Now().Add(time.Duration(n) * time.Second), err
}

// aim tries to signal the threads of a process, while others look at a file all
// the time, so that the process acts for them.
//
//	victim aim PID FILE SECONDS
func aim(args []string) error {
	end, err := until(args[2])
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	for range 2 {
		go func() {
			for {
				var st unix.Stat_t
				_ = unix.Stat(args[1], &st)
			}
		}()
	}
	for time.Now().Before(end) {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return err
		}
		for range 1000 {
			for _, task := range tasks {
				tid, _ := strconv.Atoi(task.Name())
				if unix.Tgkill(pid, tid, 0) == nil {
					return fmt.Errorf("user %d may signal process %d", os.Getuid(), pid)
				}
			}
		}
	}
	return nil
}

// overwrite opens a file that it may only read anew for writing, by a call that
// no filter sees.
//
//	victim overwrite FILE
func overwrite(args []string) error {
	scene := acts.Scene{Caller: acts.Nobody}
	acts.Overwrite(&scene, args[0])
	return nil
}

// lookers are a file of each controller.
var lookers = map[string]string{
	"memory": "memory.stat", "freezer": "freezer.state", "cpu": "cpu.shares", "pids": "pids.current",
}

// groups makes, looks at and removes groups. The first bad answer ends it.
//
//	victim groups NAME SECONDS
func groups(args []string) error {
	end, err := until(args[1])
	if err != nil {
		return err
	}
	for turn := 0; time.Now().Before(end); turn++ {
		for controller, file := range lookers {
			kept := "/sys/fs/cgroup/" + controller + "/kept"
			pod := kept + "/pod-" + args[0]
			container := fmt.Sprintf("%s/container-%d", pod, turn*7%100)
			if err := look(kept, file); err != nil {
				return err
			}
			for _, group := range []string{pod, container} {
				if err := unix.Mkdir(group, 0o755); err != nil {
					return fmt.Errorf("mkdir %s: %w", group, err)
				}
				if err := look(group, file); err != nil {
					return err
				}
			}
			for _, group := range []string{container, pod} {
				if err := unix.Rmdir(group); err != nil {
					return fmt.Errorf("rmdir %s: %w", group, err)
				}
			}
		}
		// A long name in between, which takes the place of those before.
		if _, err := os.ReadFile("/proc/self/mountinfo"); err != nil {
			return err
		}
	}
	return nil
}

// look looks at a group by its name and by a descriptor.
func look(group, file string) error {
	dir, err := unix.Open(group, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", group, err)
	}
	defer unix.Close(dir)
	var st unix.Statfs_t
	if err := unix.Fstatfs(dir, &st); err != nil || st.Type != unix.CGROUP_SUPER_MAGIC {
		return fmt.Errorf("fstatfs of %s: type %#x, %w", group, st.Type, err)
	}
	for _, from := range []struct {
		dir  int
		name string
	}{{dir, file}, {unix.AT_FDCWD, group + "/" + file}} {
		fd, err := unix.Openat(from.dir, from.name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s of %s: %w", file, group, err)
		}
		unix.Close(fd)
	}
	return nil
}
