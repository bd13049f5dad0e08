package builtin

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestParseOptions(t *testing.T) {
	for text, want := range map[string]mountOptions{
		"":                    {},
		"defaults":            {},
		"ro,nosuid":           {flags: unix.MS_RDONLY | unix.MS_NOSUID},
		"rbind,ro":            {flags: unix.MS_BIND | unix.MS_REC | unix.MS_RDONLY},
		"ro,rw":               {clear: unix.MS_RDONLY},
		"rw,ro":               {flags: unix.MS_RDONLY},
		"nodev,dev,exec":      {clear: unix.MS_NODEV | unix.MS_NOEXEC},
		"async,silent,loud":   {clear: unix.MS_SILENT},
		"mode=755,size=64k":   {data: "mode=755,size=64k"},
		"mode=755,ro,x":       {flags: unix.MS_RDONLY, data: "mode=755,x"},
		"rprivate,shared":     {propagation: []uintptr{unix.MS_PRIVATE | unix.MS_REC, unix.MS_SHARED}},
		"rro,rsuid":           {recursive: unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY, Attr_clr: unix.MOUNT_ATTR_NOSUID}},
		"tmpcopyup,size=1":    {copyUp: true, data: "size=1"},
		"RO,no such,seclabel": {data: "RO,no such,seclabel"},
	} {
		got := parseOptions(strings.Split(text, ","))
		if text == "" {
			got = parseOptions(nil)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(mountOptions{})); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// What `features` lists is understood, and does what it says by itself.
func TestOptionNames(t *testing.T) {
	names := OptionNames()
	for _, name := range names {
		if m := parseOptions([]string{name}); m.data != "" {
			t.Errorf("%s is passed to the filesystem", name)
		}
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(names)))
	if len(sorted) != len(names) {
		t.Errorf("%d of %d names are there twice", len(names)-len(sorted), len(names))
	}
	// What one sets another one clears.
	for set, clear := range map[string]string{"ro": "rw", "nosuid": "suid", "nodev": "dev", "noexec": "exec", "noatime": "atime", "nosymfollow": "symfollow"} {
		if mountFlags[set] == 0 || mountFlags[set] != mountClears[clear] {
			t.Errorf("%s sets %#x, %s clears %#x", set, mountFlags[set], clear, mountClears[clear])
		}
	}
}

// The last word counts, and what is no option of ours is left as it is.
func FuzzParseOptions(f *testing.F) {
	f.Add("ro,rw,mode=755")
	f.Add("bind,,nosuid, ro")
	f.Fuzz(func(t *testing.T, text string) {
		words := strings.Split(text, ",")
		m := parseOptions(words)
		if m.flags&m.clear != 0 {
			t.Errorf("%q: %#x are set and cleared", text, m.flags&m.clear)
		}
		known := OptionNames()
		known = append(known, "tmpcopyup")
		rest := slices.DeleteFunc(words, func(w string) bool { return slices.Contains(known, w) })
		if m.data != strings.Join(rest, ",") {
			t.Errorf("%q: the filesystem gets %q", text, m.data)
		}
	})
}
