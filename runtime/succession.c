/*
 * When the guardian dies, the supervisor makes another. It has a Go runtime, which
 * cannot be forked and go on; but what only waits can be. What that needs should
 * the supervisor die as well, it does not have: the program as it was before the
 * Go runtime started. So it starts the program anew, and tells that all it knows.
 *
 *	guardian   (killed)
 *	supervisor ── fork ──▶ guardian        shares the journal, and waits
 *	  (killed)                 │ execve ◀─ pipe: charge, plan, journal, ledger
 *	                           ▼
 *	                        guardian ── fork ──▶ supervisor
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guardian.h"

/* Write or read all of it; -1 where that is not to be had. */
static int transfer(int fd, char *at, size_t length, int writes)
{
	while (length) {
		ssize_t n = writes ? write(fd, at, length) : read(fd, at, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		length -= n;
	}
	return 0;
}

static int pour(int fd, const void *data, size_t length)
{
	return transfer(fd, (char *)data, length, 1);
}

static int draw(int fd, void *data, size_t length)
{
	return transfer(fd, data, length, 0);
}

static void tell(int fd)
{
	const struct shimrun_guardian *g = &shimrun_guardian;

	if (pour(fd, &g->legacy, sizeof(g->legacy)) == 0 && pour(fd, g->plan, g->legacy.length) == 0)
		if (pour(fd, g->journal, SHIMRUN_JOURNAL) == 0 && g->ledger)
			pour(fd, g->ledger, SHIMRUN_LEDGER);
}

/* Start the program anew, as a guardian that has just lost its supervisor. */
static void start_over(char **envp)
{
	static char name[] = "shimrun-guardian";
	char *argv[] = { name, NULL };
	int pipes[2];
	pid_t teller;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return;
	teller = fork();
	if (teller == 0) {
		close(pipes[0]);
		tell(pipes[1]);
		_exit(0);
	}
	close(pipes[1]);
	if (teller < 0)
		return;
	for (int i = 0; i < SHIMRUN_KEPT; i++)
		if (shimrun_guardian.legacy.kept[i] >= 0)
			fcntl(shimrun_guardian.legacy.kept[i], F_SETFD, 0);
	if (pipes[0] == SHIMRUN_STREAM)
		fcntl(SHIMRUN_STREAM, F_SETFD, 0);
	else
		dup2(pipes[0], SHIMRUN_STREAM);
	execve("/proc/self/exe", argv, envp);
}

void shimrun_guard_on(void)
{
	struct shimrun_guardian *g = &shimrun_guardian;
	struct shimrun_legacy *left = &g->legacy;

	prctl(PR_SET_NAME, "shimrun-guard", 0, 0, 0);
	if (draw(SHIMRUN_STREAM, left, sizeof(*left)) < 0)
		_exit(125);
	for (int i = 0; i < SHIMRUN_KEPT; i++)
		if (left->kept[i] >= 0)
			fcntl(left->kept[i], F_SETFD, FD_CLOEXEC);
	g->plan = malloc(left->length);
	g->journal = shimrun_shared_memory(SHIMRUN_JOURNAL);
	if (!g->plan || !g->journal || draw(SHIMRUN_STREAM, g->plan, left->length) < 0 ||
	    draw(SHIMRUN_STREAM, g->journal, SHIMRUN_JOURNAL) < 0) {
		if (g->journal)
			shimrun_give_up();
		_exit(125);
	}
	g->ledger = shimrun_shared_memory(SHIMRUN_LEDGER);
	if (g->ledger && draw(SHIMRUN_STREAM, g->ledger, SHIMRUN_LEDGER) < 0)
		memset(g->ledger, 0, SHIMRUN_LEDGER);
	close(SHIMRUN_STREAM);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;	/* who told us */
	g->generation = 1;
	shimrun_guard();
}

/* What the supervisor has open is not ours, but for what the next one is to have.
 * The numbers from 3 on: the socket first, as the pipe comes there after it. */
static int only(int socket)
{
	int32_t *kept = shimrun_guardian.legacy.kept;
	int lowest = SHIMRUN_STREAM + 1 + SHIMRUN_KEPT, next = SHIMRUN_STREAM + 1;

	/* Out of the way of each other. */
	socket = fcntl(socket, F_DUPFD_CLOEXEC, lowest);
	if (socket < 0)
		return -1;
	for (int i = 0; i < SHIMRUN_KEPT; i++)
		if (kept[i] >= 0)
			kept[i] = fcntl(kept[i], F_DUPFD_CLOEXEC, lowest);
	for (int i = 0; i < SHIMRUN_KEPT; i++)
		if (kept[i] >= 0)
			kept[i] = dup3(kept[i], next++, O_CLOEXEC);
	socket = dup3(socket, SHIMRUN_STREAM, O_CLOEXEC);
	shimrun_close_from(next);
	return socket;
}

/* The part of the process that only waits. */
__attribute__((noreturn)) static void watch(int socket, char **envp)
{
	struct pollfd last = { 0 };
	uint64_t none = 0;

	prctl(PR_SET_NAME, "shimrun-guard", 0, 0, 0);
	/* What the Go runtime does about signals would need that. */
	for (int sig = 1; sig <= 64; sig++) {
		uintptr_t action[8] = { 0 };

		if (syscall(SYS_rt_sigaction, sig, NULL, action, 8) == 0 && action[0] != (uintptr_t)SIG_IGN) {
			memset(action, 0, sizeof(action));
			syscall(SYS_rt_sigaction, sig, action, NULL, 8);
		}
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
	socket = only(socket);
	if (socket < 0)
		_exit(125);
	while (shimrun_hear(socket))
		;
	close(socket);
	last.fd = shimrun_guardian.legacy.kept[SHIMRUN_LISTENER];
	/* It has ended because there is nobody left to serve. */
	if (poll(&last, 1, 0) > 0 && last.revents & POLLHUP)
		_exit(0);
	if (shimrun_note_death())
		start_over(envp);
	shimrun_give_up();
	_exit(125);
}

int shimrun_guard_anew(char **envp)
{
	struct shimrun_guardian *g = &shimrun_guardian;
	uint64_t all = ~(uint64_t)0, before;
	int pair[2];
	pid_t pid;

	if (g->pid > 0)
		waitpid(g->pid, NULL, WNOHANG);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
	pid = fork();
	if (pid == 0)
		watch(pair[0], envp);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, 8);
	close(pair[0]);
	if (pid < 0) {
		close(pair[1]);
		return -1;
	}
	g->pid = pid;
	return pair[1];
}
