/*
 * The guardian: the process that a supervisor is forked from. It holds the
 * supervisor's listener and journal a second time, and forks another
 * supervisor when one dies; without it every trapped call would then fail with
 * ENOSYS. It has no Go runtime, next to no memory of its own, and nothing to do
 * but wait.
 *
 *	guardian ── fork ──▶ supervisor ── SHIMRUN_ARM(listener, journal) ─┐
 *	   ▲ │                    │ killed                                 │
 *	   │ └── fork ──▶ the next supervisor: answers what the journal    │
 *	   │                      has, then goes on                        │
 *	   └───────────────────────────────────────────────────────────────┘
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>
#include <linux/seccomp.h>

#include "start.h"

struct shimrun_guardian shimrun_guardian = { .socket = -1, .listener = -1, .error = -1 };

/* So many deaths within so many seconds are no accident. */
#define DEATHS 30
#define SECONDS 10

/* The size of a journal's slot, and where the id is: journal_unsafe.go. */
#define SLOT 512

static void say(const char *text)
{
	if (write(2, text, strlen(text)) < 0)
		return;
}

static void let_go(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, 2);
		close(null);
	}
}

/* Keep a piece of the plan; a plan of which one is missing is no plan. */
static void keep(const char *piece, size_t length)
{
	struct shimrun_guardian *g = &shimrun_guardian;
	char *longer = realloc(g->plan, g->length + length);

	if (!longer) {
		say("shimrun: the guardian has no memory for the plan: the command's calls will fail if the supervisor dies\n");
		return;
	}
	memcpy(longer + g->length, piece, length);
	g->plan = longer;
	g->length += length;
}

/* Take one message of the supervisor's; 0 when it is gone. */
static int hear(int socket)
{
	static char piece[SHIMRUN_PIECE];
	struct shimrun_charge charge = { 0 };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov[] = { { &charge, sizeof(charge) }, { piece, sizeof(piece) } };
	struct msghdr msg = {
		.msg_iov = iov, .msg_iovlen = 2,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *rights;
	ssize_t n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);

	if (n < 0 && errno == EINTR)
		return 1;
	if (n <= 0)
		return 0;
	rights = CMSG_FIRSTHDR(&msg);
	if (charge.kind == SHIMRUN_LET_GO) {
		let_go();
	} else if (charge.kind == SHIMRUN_PLAN) {
		keep(piece, n - sizeof(charge));
	} else if (charge.kind == SHIMRUN_ARM && rights && rights->cmsg_len == CMSG_LEN(sizeof(int))) {
		memcpy(&shimrun_guardian.listener, CMSG_DATA(rights), sizeof(int));
		shimrun_guardian.charge = charge;
	}
	return 1;
}

static void let_pass(int listener, uint64_t id)
{
	struct seccomp_notif_resp resp = { .id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	while (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0 && errno == EINTR)
		;
}

/* No supervisor stays alive: let the kernel do every call, so that the program
 * goes on, if without the shim. */
static void give_up(void)
{
	int listener = shimrun_guardian.listener;

	say("shimrun: the supervisor keeps dying; the command goes on without the shim\n");
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

/* Whether the supervisor died in a way that a successor could do better. */
static int died(int status)
{
	return WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == SHIMRUN_CRASHED);
}

/* What the first supervisor was given is its own: keep its socket and that of
 * the launcher, as 3 and 4, and standard error. */
static void forget(int socket, int launcher)
{
	int null;

	prctl(PR_SET_NAME, "shimrun-guard", 0, 0, 0);
	/* By way of two numbers that are there for certain: more there may not be. */
	dup2(socket, 0);
	if (launcher >= 0)
		dup2(launcher, 1);
	shimrun_close_from(3);
	dup3(0, 3, O_CLOEXEC);
	if (launcher >= 0)
		dup3(1, 4, O_CLOEXEC);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		close(null);
	}
	if (chdir("/") < 0)
		return;
}

/* Until a supervisor is ready it may read what never comes, such as a profile
 * from a pipe: it must not stay when the launcher is gone. */
static void await_ready(int socket, int launcher, pid_t pid)
{
	struct pollfd p[] = { { .fd = socket, .events = POLLIN }, { .fd = launcher } };

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	if (p[1].revents && !p[0].revents)
		kill(pid, SIGKILL);
}

/* Have the launcher say why there is no supervisor. */
static void explain(int launcher, const char *why)
{
	struct {
		struct shimrun_order order;
		char text[400];
	} exit = { .order = { .kind = SHIMRUN_EXIT, .number = 125 } };

	exit.order.length = shimrun_failure(exit.text, sizeof(exit.text), why);
	send(launcher, &exit, offsetof(typeof(exit), text) + exit.order.length, MSG_NOSIGNAL);
}

/* The same for one that has died. Of one that was killed the launcher says so
 * itself, when it sees its end. */
static void explain_death(int launcher, int status)
{
	char why[40];

	if (launcher < 0 || !died(status) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		return;
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "it died of signal %d", WTERMSIG(status));
	else
		snprintf(why, sizeof(why), "it crashed");
	explain(launcher, why);
}

/* There is no supervisor, and there will be none. */
__attribute__((noreturn)) static void fail(int launcher, const char *what)
{
	char why[100];

	snprintf(why, sizeof(why), "%s: %s", what, strerror(errno));
	if (launcher >= 0)
		explain(launcher, why);
	_exit(125);
}

/* Nobody wants to read how the Go runtime dies where it has not enough to start:
 * standard error is the supervisor's once it has started, see guardian_unsafe.go. */
static void hush(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0 && errno != EMFILE)
		return;	/* there is none here */
	shimrun_guardian.error = fcntl(2, F_DUPFD_CLOEXEC, 3);
	if (null < 0 || shimrun_guardian.error < 0)
		_exit(SHIMRUN_CRASHED);	/* it would not get far */
	dup2(null, 2);
	close(null);
}

void shimrun_guard(void)
{
	time_t deaths[DEATHS] = { 0 };
	int launcher = shimrun_launcher.socket;

	shimrun_guardian.journal = mmap(NULL, SHIMRUN_JOURNAL, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shimrun_guardian.journal == MAP_FAILED)
		fail(launcher, "mmap");
	for (;; shimrun_guardian.generation++) {
		int pair[2], status = 0;
		struct timespec now;
		pid_t pid;
		time_t *oldest = &deaths[shimrun_guardian.generation % DEATHS];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
			if (shimrun_guardian.listener >= 0)
				give_up();
			fail(launcher, "socketpair");
		}
		pid = fork();
		if (pid == 0) {
			close(pair[0]);
			/* A table of descriptors that grows while there are threads
			 * waits for all processors (RCU): some 5 ms in the first
			 * served open, whose own number is above 512 (package shim). */
			close(fcntl(pair[1], F_DUPFD_CLOEXEC, 512));
			prctl(PR_SET_NAME, "shimrun-super", 0, 0, 0);
			shimrun_guardian.socket = pair[1];
			if (!shimrun_has_enough())
				_exit(SHIMRUN_CRASHED);
			hush();
			return;
		}
		if (pid < 0) {
			if (shimrun_guardian.listener >= 0)
				give_up();
			fail(launcher, "fork");
		}
		close(pair[1]);
		if (shimrun_guardian.generation == 0) {
			forget(pair[0], shimrun_launcher.socket);
			pair[0] = 3;
			if (shimrun_launcher.socket >= 0) {
				launcher = 4;
				await_ready(3, launcher, pid);
			}
		}
		while (hear(pair[0]))
			;
		close(pair[0]);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (shimrun_guardian.listener < 0)
			explain_death(launcher, status);
		if (launcher >= 0)
			close(launcher);
		launcher = -1;
		if (!died(status) || shimrun_guardian.listener < 0)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 125);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (*oldest && now.tv_sec - *oldest < SECONDS) {
			give_up();
			_exit(125);
		}
		*oldest = now.tv_sec;
	}
}
