package shim

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// backings are the shared objects by node name. They hold no more descriptors than
// they may: what cannot be kept is made for each open.
type backings struct {
	mu      sync.RWMutex
	all     map[string]*backing
	kept    int
	most    int
	evicted time.Time // when it was last looked which can go
	retired []retired
}

// retired is a descriptor that is not needed any more. It may be on its way to a
// tracee still, which would be given whatever its number has become.
type retired struct {
	fd    int
	since time.Time
}

// retirement is longer than any descriptor is on its way.
const retirement = 10 * time.Second

// enough is how many descriptors are kept where the limit allows that and more.
const enough = 4096

// mostKept is how many descriptors are kept for served files, given the limit: half
// of what is left besides those that the supervisor needs for itself.
func mostKept() int {
	const own = 16
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || limit.Cur > 2*enough+own {
		return enough
	}
	return max(int(limit.Cur)-own, 0) / 2
}

func (b *backings) of(name string) *backing {
	b.mu.RLock()
	k := b.all[name]
	b.mu.RUnlock()
	if k != nil {
		return k
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[string]*backing{}
	}
	if k = b.all[name]; k == nil {
		k = &backing{fd: -1, own: -1}
		b.all[name] = k
	}
	return k
}

// keep asks for room for one more descriptor. Where there is none, those go that
// were not used for a while, and alone is told what they were. The caller holds no
// backing's lock that another waits for with this one: locks are taken backing first,
// backings second.
func (b *backings) keep(alone func(identity)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.most == 0 {
		b.most = mostKept()
	}
	if now := time.Now(); b.kept >= b.most && now.Sub(b.evicted) > time.Second {
		b.evicted = now
		b.evict(now.Add(-retirement), alone)
	}
	if b.kept >= b.most {
		return false
	}
	b.kept++
	return true
}

// evict closes the files that were last used before a time; one that is in use now
// is left alone.
func (b *backings) evict(before time.Time, alone func(identity)) {
	for _, k := range b.all {
		if !k.mu.TryLock() {
			continue
		}
		if k.fd >= 0 && k.known == nil && k.own < 0 && k.used.Before(before) {
			unix.Close(k.fd) // nothing is on its way for so long
			alone(k.object)
			k.fd = -1
			b.kept--
		}
		k.mu.Unlock()
	}
}

// retire has a kept descriptor closed when nobody can be on the way with it.
func (b *backings) retire(fd int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.closeRetired(now.Add(-retirement))
	b.retired = append(b.retired, retired{fd, now})
	b.kept--
}

// closeRetired closes what was retired before a time.
func (b *backings) closeRetired(before time.Time) {
	for len(b.retired) > 0 && b.retired[0].since.Before(before) {
		unix.Close(b.retired[0].fd)
		b.retired = b.retired[1:]
	}
}

// release gives back the room of a descriptor that was not made.
func (b *backings) release() {
	b.mu.Lock()
	b.kept--
	b.mu.Unlock()
}

func (b *backings) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closeRetired(time.Now())
	for _, k := range b.all {
		if k.fd >= 0 {
			unix.Close(k.fd)
		}
	}
	b.all = nil
}
