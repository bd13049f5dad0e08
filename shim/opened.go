package shim

import (
	"maps"

	"golang.org/x/sys/unix"
)

// Where all that is served are other texts of files that the kernel has
// ([fakefs.Tree.OnlyOpened]), only opens have to be seen, and what is done by
// descriptors. Some calls are of that kind for some arguments only.

// byDescriptor are calls that take a name or, without one, a descriptor.
var byDescriptor = map[string]ArgEquals{
	"newfstatat": {Arg: 3, Mask: unix.AT_EMPTY_PATH, Value: unix.AT_EMPTY_PATH},
	"statx":      {Arg: 2, Mask: unix.AT_EMPTY_PATH, Value: unix.AT_EMPTY_PATH},
	"faccessat2": {Arg: 3, Mask: unix.AT_EMPTY_PATH, Value: unix.AT_EMPTY_PATH},
}

// opensFiles are calls that open a file, unless they want a folder.
var opensFiles = func() map[string]ArgEquals {
	opens := map[string]ArgEquals{"openat": {Arg: 2, Mask: unix.O_DIRECTORY}}
	maps.Copy(opens, legacyOpens)
	return opens
}()

// opened is what such a tree needs of a call, besides other needs.
func (s Spec) opened(needs need) Spec {
	if only, ok := opensFiles[s.Name]; ok {
		s.only = []ArgEquals{only}
	}
	if only, ok := byDescriptor[s.Name]; ok && s.needs&needs == 0 {
		h := s.handle
		s.only, s.needs = []ArgEquals{only}, s.needs|needOpened
		s.handle = func(w *Worker, c *Call) Answer {
			if w.handedTo(c, dirfdOf(c.Args[0])) == nil {
				return Answer{}
			}
			return h(w, c)
		}
	}
	return s
}
