package shim

import (
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Passing is what [Worker.Passes] tells ordinary files by.
//
// There are no pointers in it, for it is read outside of Go's runtime as well: the
// receivers of package seccomp do in C what Passes does, with this very memory
// (seccomp/pass.c). Its layout is therefore that of struct passing in
// seccomp/pass.h. It only ever grows: readers take no lock.
type Passing struct {
	// While one of these is set, no name is told by its object alone. roots and
	// namespaces: some tracee has changed its root, or uses another mount
	// namespace; until then nobody asks. mounting: a call that changes mounts may
	// still be at work.
	roots, namespaces, mounting atomic.Bool
	// types are the filesystems that are told as others, by magic numbers, and
	// walked those in which served files stand (servedTypes).
	typeCount uint32
	// copies: there are real files behind served ones, which no name that another thread
	// has changed may open for writing (copy.go).
	copies atomic.Bool
	_      uint32
	types  [8]struct{ real, told uint64 }
	walked [len(servedTypes)]uint64
	// laidOver are the filesystems in which a pattern may stand before any file,
	// handed those that anything which was handed out is or was on.
	laidOver, handed devices
	// calls says how a call is told, by its number.
	calls [512]passingCall
	// not are the first components below which absolute names are never told
	// here, each with its NUL; an empty one is the end.
	not [32][24]byte
	// objects are the real files that nodes stand before and the directories that
	// were handed out: a Bloom filter of their identities, for it can be read while
	// it changes. 10,000 set an eighth of its bits, and send one other object in
	// fifty to its handler.
	objects [1 << 11]atomic.Uint64
}

// passingCall gives arguments by number, from 1; 0 where there is none. A call
// without a name is about the descriptor dirfd, and so is one with an empty name and
// AT_EMPTY_PATH in flags. One that is mended comes to its handler with AT_NO_AUTOMOUNT,
// where the backend can change its arguments. One that is typed is told by the
// filesystem, and in C only: [Worker.statfs] does that. opens are the flags of an open.
type passingCall struct {
	name, dirfd, flags, mended, typed, opens int8
}

var passingCalls = map[string]passingCall{
	"open": {name: 1, opens: 2}, "stat": {name: 1}, "lstat": {name: 1}, "access": {name: 1},
	"openat": {name: 2, dirfd: 1, opens: 3}, "faccessat": {name: 2, dirfd: 1}, "faccessat2": {name: 2, dirfd: 1},
	"newfstatat": {name: 2, dirfd: 1, flags: 4}, "statx": {name: 2, dirfd: 1, flags: 3}, "fstat": {dirfd: 1},
	"statfs": {name: 1, typed: 1},
	// With an ordinary descriptor that has a high number.
	"write": {dirfd: 1}, "pwrite64": {dirfd: 1}, "writev": {dirfd: 1}, "pwritev": {dirfd: 1}, "pwritev2": {dirfd: 1},
}

// fill says which calls are told, and by which names not.
func (p *Passing) fill(s *Shim) {
	// In /proc and behind the links of /dev, names mean what they mean to the reader.
	not := slices.Concat(s.firsts, firsts{"/proc", "/dev"})
	slices.Sort(not)
	not = slices.Compact(not)
	// Where mounts are made in a table, or any name may be served, no name is told
	// by its object alone.
	if s.virtual.answers || s.firsts == nil || len(not) >= len(p.not) ||
		slices.ContainsFunc(not, func(first string) bool { return len(first) >= len(p.not[0]) }) {
		return
	}
	for i, first := range not {
		copy(p.not[i][:], first)
	}
	for i, magic := range servedTypes {
		p.walked[i] = uint64(magic)
	}
	lies := s.tree.Profile().Filesystems
	for _, lie := range lies {
		if p.typeCount < uint32(len(p.types)) {
			p.types[p.typeCount] = struct{ real, told uint64 }{uint64(lie.Magic), uint64(s.tree.Filesystem(lie.Magic).Report.Magic)}
			p.typeCount++
		}
	}
	for _, t := range s.traps {
		if how := passingCalls[t.Name]; t.Nr < len(p.calls) {
			if how.typed > 0 && len(lies) > len(p.types) {
				continue
			}
			if how.flags > 0 && s.quirks.statxNoAutomount {
				how.mended = 1
			}
			p.calls[t.Nr] = how
		}
	}
}

// add has what stands in a territory come to its handlers from now on.
func (p *Passing) add(t *territory) {
	for _, dev := range t.laidOver {
		p.laidOver.add(dev)
	}
	if len(t.files) > 0 {
		p.copies.Store(true)
	}
	for id := range t.files {
		p.addObject(id)
	}
}

func (p *Passing) addObject(id identity) {
	for _, bit := range id.bits() {
		p.objects[bit/64].Or(1 << (bit % 64))
	}
}

// bits are the two of an object in Passing.objects.
func (id identity) bits() [2]uint64 {
	const most = uint64(len(Passing{}.objects)) * 64
	h := (id.ino ^ id.dev<<32 ^ id.dev>>32) * 0x9e3779b97f4a7c15 // 2^64 over the golden ratio
	return [2]uint64{h >> 32 % most, h >> 47 % most}
}

func (p *Passing) closed() bool { return p.roots.Load() || p.namespaces.Load() || p.mounting.Load() }

// below tells whether an absolute name is below one that is never told here.
func (p *Passing) below(name []byte) bool {
	for i := range p.not {
		n := slices.Index(p.not[i][:], 0)
		if n == 0 {
			return false
		}
		if isBelow(name, string(p.not[i][:n])) {
			return true
		}
	}
	return false
}

// ours tells whether an object may be ours: if it is, the answer is true.
func (p *Passing) ours(st *unix.Stat_t) bool {
	id := identityOf(st)
	bits := id.bits()
	return p.laidOver.has(id.dev) || p.hasObject(bits[0]) && p.hasObject(bits[1])
}

func (p *Passing) hasObject(bit uint64) bool { return p.objects[bit/64].Load()&(1<<(bit%64)) != 0 }

// devices is a set of few device numbers that is read without a lock. Where they
// are too many, it has all there are. Writers take turns.
type devices struct {
	count  atomic.Uint32
	_      uint32
	number [16]atomic.Uint64
}

func (d *devices) none() bool { return d.count.Load() == 0 }

func (d *devices) has(dev uint64) bool {
	n := d.count.Load()
	if n > uint32(len(d.number)) {
		return true
	}
	for i := range d.number[:n] {
		if d.number[i].Load() == dev {
			return true
		}
	}
	return false
}

func (d *devices) add(dev uint64) {
	if d.has(dev) {
		return
	}
	n := d.count.Load()
	if n < uint32(len(d.number)) {
		d.number[n].Store(dev)
	}
	d.count.Store(n + 1)
}
