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
 *
 * The supervisor watches its guardian in turn: succession.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "guardian.h"

struct shimrun_guardian shimrun_guardian = { .socket = -1, .error = -1, .legacy.kept = { -1, -1, -1, -1 } };

static struct shimrun_legacy *const left = &shimrun_guardian.legacy;

void shimrun_say(const char *text)
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

int shimrun_keep_plan(const char *piece, size_t length)
{
	char *longer = realloc(shimrun_guardian.plan, left->length + length);

	if (!longer)
		return -1;
	memcpy(longer + left->length, piece, length);
	shimrun_guardian.plan = longer;
	left->length += length;
	return 0;
}

/* Keep a descriptor for the next supervisor. */
static void keep(int place, struct cmsghdr *rights)
{
	int fd;

	if (!rights || rights->cmsg_len != CMSG_LEN(sizeof(int)))
		return;
	memcpy(&fd, CMSG_DATA(rights), sizeof(int));
	if (place < 0 || place >= SHIMRUN_KEPT) {
		close(fd);
		return;
	}
	if (left->kept[place] >= 0)
		close(left->kept[place]);
	left->kept[place] = fd;
}

/* Take one message of the supervisor's; 0 when it is gone. */
int shimrun_hear(int socket)
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
	ssize_t n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);

	if (n < 0 && errno == EINTR)
		return 1;
	if (n <= 0)
		return 0;
	switch (charge.kind) {
	case SHIMRUN_LET_GO:
		let_go();
		break;
	case SHIMRUN_PLAN:
		/* A plan of which a piece is missing is no plan. */
		if (shimrun_keep_plan(piece, n - sizeof(charge)) < 0)
			shimrun_say("shimrun: the guardian has no memory for the plan: the command's calls will fail if the supervisor dies\n");
		break;
	case SHIMRUN_KEEP:
		keep(charge.command, CMSG_FIRSTHDR(&msg));
		break;
	case SHIMRUN_ARM:
		keep(SHIMRUN_LISTENER, CMSG_FIRSTHDR(&msg));
		left->charge = charge;
		break;
	case SHIMRUN_TRACES:
		left->traces = 1;
		break;
	}
	return 1;
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

	/* A tracer's command ends with it; where a front waits for that, it says so. */
	if (left->traces) {
		if (died(status) && left->kept[SHIMRUN_FRONT] < 0)
			shimrun_say(SHIMRUN_TRACER_DIED);
		return;
	}
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
	if (left->kept[SHIMRUN_LISTENER] >= 0)
		shimrun_give_up();
	else if (launcher >= 0)
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

void *shimrun_shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* Note the death of a supervisor; 0 where they die too often. */
int shimrun_note_death(void)
{
	struct timespec now;
	int64_t *oldest = &left->died[left->deaths++ % SHIMRUN_DEATHS];

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (*oldest && now.tv_sec - *oldest < SHIMRUN_SECONDS)
		return 0;
	*oldest = now.tv_sec;
	return 1;
}

void shimrun_guard(void)
{
	int launcher = shimrun_launcher.socket;

	if (!shimrun_guardian.journal) {
		shimrun_guardian.journal = shimrun_shared_memory(SHIMRUN_JOURNAL);
		if (!shimrun_guardian.journal)
			fail(launcher, "mmap");
		shimrun_guardian.ledger = shimrun_shared_memory(SHIMRUN_LEDGER);
	}
	for (;; shimrun_guardian.generation++) {
		int pair[2], status = 0;
		pid_t pid;

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			fail(launcher, "socketpair");
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
		if (pid < 0)
			fail(launcher, "fork");
		close(pair[1]);
		if (shimrun_guardian.generation == 0) {
			forget(pair[0], shimrun_launcher.socket);
			pair[0] = 3;
			if (shimrun_launcher.socket >= 0) {
				launcher = 4;
				await_ready(3, launcher, pid);
			}
		}
		while (shimrun_hear(pair[0]))
			;
		close(pair[0]);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (left->kept[SHIMRUN_LISTENER] < 0)
			explain_death(launcher, status);
		if (launcher >= 0)
			close(launcher);
		launcher = -1;
		if (!died(status) || left->kept[SHIMRUN_LISTENER] < 0)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 125);
		if (!shimrun_note_death())
			fail(-1, "");
	}
}
