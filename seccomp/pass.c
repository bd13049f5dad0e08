/*
 * The way of most calls: they are about files that are nobody's but the kernel's,
 * and are let pass here, without Go's runtime; and statfs of what is on an ordinary
 * filesystem is answered, with the type that is told. What a receiver in Go costs
 * more is neither its language nor its code, but that it has to tell Go's scheduler
 * of each wait for the next call: 0.3 us of 13 (docs/performance.md).
 *
 *	NOTIF_RECV ─▶ passes, or told? ── yes ─▶ NOTIF_SEND ─┐
 *	   ▲                 └─────────── no ──▶ Go          │
 *	   └─────────────────────────────────────────────────┘
 *
 * It says what shim.Worker.Passes and shim.Worker.statfs say, by the same memory;
 * TestPassesInC and TestTypesInC hold one against the other.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pass.h"

#if defined(__x86_64__)
#define OWN_ARCH 0xc000003eU	/* AUDIT_ARCH_X86_64 */
#elif defined(__aarch64__)
#define OWN_ARCH 0xc00000b7U	/* AUDIT_ARCH_AARCH64 */
#endif

#define PATH 4096		/* PATH_MAX, with the NUL */
#define SHORT 256		/* most names: one read */

static uint32_t now(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

static int has(const struct devices *d, uint64_t dev)
{
	uint32_t n = now(&d->count);

	if (n > sizeof(d->number) / sizeof(*d->number))
		return 1;
	for (uint32_t i = 0; i < n; i++)
		if (__atomic_load_n(&d->number[i], __ATOMIC_RELAXED) == dev)
			return 1;
	return 0;
}

static int has_object(const struct passing *p, uint64_t bit)
{
	bit %= sizeof(p->objects) * 8;
	return __atomic_load_n(&p->objects[bit / 64], __ATOMIC_RELAXED) >> (bit % 64) & 1;
}

/* Passing.ours */
static int may_be_ours(const struct passing *p, const struct stat *st)
{
	uint64_t dev = st->st_dev, h = (st->st_ino ^ dev << 32 ^ dev >> 32) * 0x9e3779b97f4a7c15U;

	return has(&p->laid_over, dev) || (has_object(p, h >> 32) && has_object(p, h >> 47));
}

/* isPlain */
static int is_plain(const char *name)
{
	int slash = 1;

	if (*name == '/')
		name++;
	for (; *name; name++) {
		if (slash && (*name == '/' || (*name == '.' &&
		    (name[1] == 0 || name[1] == '/' || (name[1] == '.' && (name[2] == 0 || name[2] == '/'))))))
			return 0;
		slash = *name == '/';
	}
	return !slash;
}

/* Passing.below */
static int is_below(const struct passing *p, const char *name)
{
	for (size_t i = 0; i < sizeof(p->not) / sizeof(*p->not) && p->not[i][0]; i++) {
		const char *first = p->not[i], *at = name;

		while (*first && *at == *first) {
			at++;
			first++;
		}
		if (!*first && (!*at || *at == '/'))
			return 1;
	}
	return 0;
}

static char *put(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

static char *put_number(char *to, uint32_t n)
{
	char digits[10];
	int count = 0;

	do
		digits[count++] = '0' + n % 10;
	while (n /= 10);
	while (count)
		*to++ = digits[--count];
	return to;
}

/* What stands before a relative name of a tracee's. */
static char *put_folder(char *to, uint32_t tid, int dirfd)
{
	to = put_number(put(to, "/proc/"), tid);
	return dirfd == AT_FDCWD ? put(to, "/cwd") : put_number(put(to, "/fd/"), dirfd);
}

static int look(const char *name, struct stat *st, int flags)
{
	return syscall(SYS_newfstatat, AT_FDCWD, name, st, flags) ? errno : 0;
}

/* Look at what lies under a tracee's name, itself and no link's target. */
static int look_up(uint32_t tid, int dirfd, const char *name, size_t length, struct stat *st)
{
	char own[PATH + 64];

	if (*name == '/')
		return look(name, st, AT_SYMLINK_NOFOLLOW);
	memcpy(put(put_folder(own, tid, dirfd), "/"), name, length + 1);
	return look(own, st, AT_SYMLINK_NOFOLLOW);
}

/* Whether a descriptor is surely none that was handed out. shim.Worker.Passes leaves
 * the look-up to the handler. */
static int passes_by(const struct passing *p, uint32_t tid, int fd, struct stat *st)
{
	char own[64];

	if (!now(&p->handed.count))
		return 1;
	if (fd < 0 && fd != AT_FDCWD)
		return 0;
	*put_folder(own, tid, fd) = 0;
	return !look(own, st, 0) && !has(&p->handed, st->st_dev);
}

/* Whether an open may change the file that it leads to, which another thread's name must
 * not be in place of its own: shim.Worker.writesUncopied. */
static int wants_copy(uint32_t tid, int flags)
{
	char own[64];
	struct stat st;

	if (flags & O_PATH || !(flags & (O_ACCMODE | O_CREAT | O_TRUNC)))
		return 0;
	strcpy(put_number(put(own, "/proc/"), tid), "/task");
	return look(own, &st, 0) || st.st_nlink > 3;	/* tracee.hasSiblings */
}

/* Whether a name may mean something else to this process: selfish in statfs.go. */
static int is_selfish(const char *name)
{
	return !strncmp(name, "/proc/", 6) || !strncmp(name, "/dev/fd", 7);
}

/* Whether everybody may pass through all folders that a name leads through, from a
 * place in it on, and neither one of them nor what it names is a link: then it is the
 * same who looks.
 * isOpenToAll in statfs.go. */
static int everybody_may(const char *name, const char *from)
{
	char folder[PATH + 64];
	struct stat st;

	for (const char *at = from; *at; at++) {
		if (*at != '/' || (at > name && at[-1] == '/'))
			continue;
		memcpy(folder, name, at - name);
		folder[at - name] = 0;
		/* The first of a relative name is the magic link to where it starts. */
		if (look(at == name ? "/" : folder, &st, at == from && from > name ? 0 : AT_SYMLINK_NOFOLLOW) ||
		    !S_ISDIR(st.st_mode) || (st.st_mode & 0111) != 0111)
			return 0;
	}
	return !look(name, &st, AT_SYMLINK_NOFOLLOW) && !S_ISLNK(st.st_mode);
}

/* What statfs says of a name, as shim.Worker.statfs does where that needs no resolver. */
static enum verdict tell_type(const struct passing *p, uint32_t tid, const char *name, size_t length, struct statfs *fs)
{
	char own[PATH + 64];
	const char *from = name;

	if (is_selfish(name))
		return HANDLED;
	if (*name != '/') {
		char *end = put_folder(own, tid, AT_FDCWD);

		memcpy(put(end, "/"), name, length + 1);
		name = own;
		from = end;
	}
	if (syscall(SYS_statfs, name, fs))
		return HANDLED;
	for (size_t i = 0; i < sizeof(p->walked) / sizeof(*p->walked); i++)
		if ((uint64_t)fs->f_type == p->walked[i])
			return HANDLED;
	for (uint32_t i = 0; i < p->type_count; i++)
		if ((uint64_t)fs->f_type == p->types[i].real) {
			if (!everybody_may(name, from))
				return HANDLED;
			fs->f_type = p->types[i].told;
			return TOLD;
		}
	return PASSES;
}

enum verdict shimrun_tell(const struct passing *p, struct seat *seat, const struct seccomp_notif *call,
			  char *name, struct stat *seen, struct statfs *fs)
{
	const __u64 *args = call->data.args;
	struct iovec local = { name, SHORT }, remote;
	int name_arg, dirfd_arg, flags_arg, opens_arg, dirfd = AT_FDCWD;
	char *end;
	ssize_t n;

	seat->told = 1;
	/* pid 0: a thread that our pid namespace cannot see. Another architecture: a
	 * number that means another call. */
	if (!call->pid || call->data.arch != OWN_ARCH ||
	    (unsigned)call->data.nr >= sizeof(p->calls) / sizeof(*p->calls) ||
	    now(&p->roots) || now(&p->namespaces) || now(&p->mounting))
		return HANDLED;
	name_arg = p->calls[call->data.nr].name;
	dirfd_arg = p->calls[call->data.nr].dirfd;
	flags_arg = p->calls[call->data.nr].flags;
	if (dirfd_arg)
		dirfd = (int)args[dirfd_arg - 1];
	if (!name_arg)
		return dirfd_arg && passes_by(p, call->pid, dirfd, seen);
	opens_arg = p->calls[call->data.nr].opens;
	if (opens_arg && now(&p->copies) && wants_copy(call->pid, (int)args[opens_arg - 1]))
		return HANDLED;
	remote.iov_base = (void *)args[name_arg - 1];
	remote.iov_len = SHORT;
	if (!remote.iov_base)
		return HANDLED;
	n = syscall(SYS_process_vm_readv, call->pid, &local, 1, &remote, 1, 0);
	if (n <= 0)
		return HANDLED;
	end = memchr(name, 0, n);
	if (!end)
		return HANDLED;
	seat->read = 1;
	seat->length = end - name;
	if (!seat->length)
		return flags_arg && (args[flags_arg - 1] & AT_EMPTY_PATH) && passes_by(p, call->pid, dirfd, seen);
	if (p->calls[call->data.nr].typed)
		return tell_type(p, call->pid, name, seat->length, fs);
	if (!is_plain(name) || (*name == '/' ? is_below(p, name) : dirfd < 0 && dirfd != AT_FDCWD))
		return HANDLED;
	seat->error = look_up(call->pid, dirfd, name, seat->length, seen);
	seat->looked = 1;
	return !seat->error && !S_ISLNK(seen->st_mode) && !may_be_ours(p, seen);
}

static void answer(int listener, struct seat *seat, __u64 id, __u32 flags)
{
	struct seccomp_notif_resp resp = { .id = id, .flags = flags };

	/* EINTR: nothing has been sent, see Listener.send. ENOENT: the tracee is gone,
	 * or a signal made it leave the call. */
	while (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp))
		if (errno != EINTR) {
			if (errno != ENOENT)
				seat->failed = errno;
			return;
		}
}

/* Write into the memory of the tracee that waits in this call. Another may have its
 * number by now: seccomp_unotify(2). */
static int give(int listener, const struct seccomp_notif *call, __u64 address, const void *data, size_t size)
{
	struct iovec local = { (void *)data, size }, remote = { (void *)address, size };
	__u64 id = call->id;

	return !ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) &&
	       syscall(SYS_process_vm_writev, call->pid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

static void count(uint64_t *counter) { __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }

int shimrun_receive(int listener, struct seccomp_notif *call, const struct passing *passing, struct shared *shared,
		    struct seat *seat, char *name, struct stat *seen,
		    uint64_t *continued, uint64_t *answered, uint64_t *types)
{
	struct statfs fs;

	for (;;) {
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, call))
			return errno;
		/* Seen by the watchdog that goes to sleep, or else that is seen below. */
		__atomic_store_n(&seat->turn, seat->turn + 1, __ATOMIC_SEQ_CST);
		if (__atomic_exchange_n(&shared->last, call->pid, __ATOMIC_RELAXED) == call->pid) {
			seat->alone++;
			seat->mixed = 0;
		} else {
			seat->alone = 0;
			seat->mixed++;
		}
		seat->told = seat->read = seat->looked = 0;
		/* Whoever may be held up in here must be watched. */
		if (!passing || !__atomic_load_n(&shared->watched, __ATOMIC_SEQ_CST))
			return OURS;
		switch (shimrun_tell(passing, seat, call, name, seen, &fs)) {
		case PASSES:
			/* What the kernel reads now may differ from what was read here. It acts
			 * with the program's own rights, which only deprives itself of a lie. */
			answer(listener, seat, call->id, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
			count(&continued[call->data.nr]);
			break;
		case TOLD:
			if (!give(listener, call, call->data.args[1], &fs, sizeof(fs)))
				return OURS; /* the handler finds out why */
			answer(listener, seat, call->id, 0);
			count(&answered[call->data.nr]);
			count(types);
			break;
		default:
			return OURS;
		}
		/* For whoever reads the journal, and for RECV, which wants zeros. */
		__atomic_store_n(&call->id, 0, __ATOMIC_RELEASE);
		memset(call, 0, sizeof(*call));
		__atomic_store_n(&seat->turn, seat->turn + 1, __ATOMIC_RELEASE);
		if (seat->mixed >= CROWDED || (seat->alone >= LONELY && now(&shared->active) > 1) || seat->failed)
			return MOVED;
	}
}
