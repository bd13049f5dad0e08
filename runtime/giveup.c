/*
 * What is left to do where no supervisor stays alive.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <linux/seccomp.h>

#include "guardian.h"

/* The size of a journal's slot, and where the id is: journal_unsafe.go. */
#define SLOT 512

static void let_pass(int listener, uint64_t id)
{
	struct seccomp_notif_resp resp = { .id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	while (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0 && errno == EINTR)
		;
}

void shimrun_give_up(void)
{
	int listener = shimrun_guardian.legacy.kept[SHIMRUN_LISTENER];

	shimrun_say("shimrun: the supervisor keeps dying; the command goes on without the shim\n");
	for (size_t at = 0; at < SHIMRUN_JOURNAL; at += SLOT) {
		uint64_t id = *(uint64_t *)(shimrun_guardian.journal + at);

		if (id)
			let_pass(listener, id);
	}
	for (;;) {
		/* Room for what a kernel to come may add. */
		union {
			struct seccomp_notif notif;
			char room[SLOT];
		} n = { 0 };
		struct pollfd p = { .fd = listener, .events = POLLIN };

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return;
		if (p.revents & POLLHUP)
			return;
		if ((p.revents & POLLIN) && ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0)
			let_pass(listener, n.notif.id);
	}
}
