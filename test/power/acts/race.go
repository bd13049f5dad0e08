package acts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// What names race for: two files and two links in the folder race of a scene,
// one of each served, and two sysctls of an IPC namespace, one of them served.
const (
	RaceServed = "Served, and covers another\n"
	RaceReal   = "Real\n"
	// RaceCovered is what the kernel has under the name of the served file.
	RaceCovered = "only the kernel says this\n"

	Raced          = "/proc/sys/kernel/msgmni"
	RacedWith      = "/proc/sys/kernel/msgmnb"
	RacedValue     = "4321\n"
	RacedWithValue = "16384\n"
	RacedUntold    = "1234\n" // what the kernel has under Raced
)

// RaceType is the type of filesystem that the profile tells of the scene's.
func RaceType() int { return unix.BTRFS_SUPER_MAGIC }

// BuildRace makes what is not served; the profile serves the rest.
func BuildRace(dir string) error {
	in := filepath.Join(dir, "race")
	if err := os.MkdirAll(filepath.Join(in, "shared"), 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{"a": RaceCovered, "b": RaceReal} {
		if err := os.WriteFile(filepath.Join(in, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	for _, err := range []error{
		os.Chmod(filepath.Join(in, "a"), 0o600), os.Chmod(filepath.Join(in, "b"), 0o640), os.Chmod(filepath.Join(in, "shared"), 0o1777),
		os.Symlink("covered", filepath.Join(in, "l")), os.Symlink("real", filepath.Join(in, "m")),
		Set(map[string]string{Raced: RacedUntold, RacedWith: RacedWithValue}),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// RaceIntact tells whether what the profile covers is as it was.
func RaceIntact(dir string) error {
	for name, want := range map[string]string{filepath.Join(dir, "race/a"): RaceCovered, Raced: RacedUntold} {
		if now, err := os.ReadFile(name); string(now) != want {
			return fmt.Errorf("%s says %q, %s", name, now, word(err))
		}
	}
	return nil
}

// RaceProfile serves one of each.
func RaceProfile(dir string) string {
	in := filepath.Join(dir, "race")
	return fmt.Sprintf(`name: race
sysctls: {%s: {value: %q, mode: "0666"}}
filesystems: [{match: {type: tmpfs}, report: {type: btrfs}}]
files:
  %s/a: {content: %q, mode: "0666"}
  %s/l: {link: served}
`, strings.TrimPrefix(Raced, "/proc/sys/"), strings.TrimSpace(RacedValue), in, RaceServed, in)
}
