package cgroup

// Files that somebody waits for (inotify(7)). What cgroup.events says changes with
// processes, and nobody writes it: so it is told when processes are looked at, which
// somebody has to see to ([Hierarchies.Look]).

// A Watcher waits for one file to change. It is called with hierarchies locked.
type Watcher interface {
	// Changed gives what the file says now.
	Changed(text string)
	// Stirred says that somebody moved processes, or has them stop or go on, so that others'
	// doings may be what is waited for.
	Stirred()
	// Gone says that there is no such file any more.
	Gone()
}

// watched is a file that somebody waits for, and what it said last.
type watched struct {
	Watcher
	text string
}

// Watch gives the file's watcher, which begin makes with what the file says now if it has
// none yet; ok is false for a file that is gone.
func (f *File) Watch(begin func(text string) (Watcher, error)) (w Watcher, ok bool, err error) {
	hs := f.g.h.of
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if f.g.gone || f.gone {
		return nil, false, nil
	}
	if old := hs.watched[f]; old != nil {
		return old.Watcher, true, nil
	}
	text := ""
	if f.spec.now != nil {
		if err := hs.refresh(0); err != nil {
			return nil, false, err
		}
		text = f.spec.now(f.g)
	}
	if w, err = begin(text); err != nil {
		return nil, false, err
	}
	if hs.watched == nil {
		hs.watched = map[*File]*watched{}
	}
	hs.watched[f] = &watched{w, text}
	return w, true, nil
}

// Look looks at processes and tells all watchers what has changed. members has the
// processes of each group of which somebody waits for the last one to end; unsettled tells
// that some are about to stop.
func (hs *Hierarchies) Look() (members [][]int, unsettled bool) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if len(hs.watched) == 0 || hs.refresh(0) != nil {
		return nil, false
	}
	for f := range hs.watched {
		if f.spec.now == nil {
			continue
		}
		var in []int
		for pid, p := range hs.members.all {
			if p.groups[f.g.h.index].within(f.g) {
				in = append(in, pid)
			}
		}
		members = append(members, in)
		unsettled = unsettled || f.g.frozenFrom() && !f.g.isFrozen()
	}
	return members, unsettled
}

// written tells watchers what a write has changed.
func (hs *Hierarchies) written(s *spec) {
	hs.tell()
	switch s.name {
	case "cgroup.procs", "cgroup.threads", "cgroup.freeze":
		for _, w := range hs.watched {
			w.Stirred()
		}
	}
}

// tell tells watchers what has changed since.
func (hs *Hierarchies) tell() {
	for f, w := range hs.watched {
		if f.g.gone || f.gone {
			delete(hs.watched, f)
			w.Gone()
		} else if f.spec.now != nil {
			if text := f.spec.now(f.g); text != w.text {
				w.text = text
				w.Changed(text)
			}
		}
	}
}
