/*
 * What has to happen before the Go runtime starts, while the process still has
 * one thread and everything that its caller gave it: take down the signal
 * state, and fork (a Go process cannot). runc's nsexec is called in the same way.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "start.h"

struct shimrun_caller shimrun_caller;

/* Whether a command line may be one that runs a command; cmd/shimrun has it.
 * Programs without it start launchers. */
extern int shimrun_may_run(int argc, char **argv) __attribute__((weak));

/* The descriptors that a supervisor is started with, see supervisor.go. */
#define FIRST_UNWANTED 5

static void take_down_signals(void)
{
	/* Raw calls: the C library hides its own two signals (32 and 33). */
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &shimrun_caller.blocked, 8);
	for (int sig = 1; sig <= 64; sig++) {
		/* Larger than any struct kernel_sigaction; the handler is first. */
		uintptr_t action[8] = { 0 };

		if (syscall(SYS_rt_sigaction, sig, NULL, action, 8) == 0 &&
		    action[0] == (uintptr_t)SIG_IGN)
			shimrun_caller.ignored |= (uint64_t)1 << (sig - 1);
	}
}

/* A supervisor must hold nothing that the caller had open: a pipe's reader
 * would wait for it. */
void shimrun_close_from(int first)
{
	DIR *dir;
	struct dirent *entry;

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
	dir = opendir("/proc/self/fd");
	if (!dir) {
		for (int fd = first; fd < 65536; fd++)
			close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (fd >= first && fd != dirfd(dir))
			close(fd);
	}
	closedir(dir);
}

/* Leave the controlling terminal, if there is one; 0 where nobody can tell. */
static int leave_terminal(void)
{
	int left, tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (tty < 0)
		return errno == ENXIO;	/* there is none */
	left = ioctl(tty, TIOCNOTTY) == 0;
	close(tty);
	return left;
}

void shimrun_stand_apart(void)
{
	/* Service managers signal a whole cgroup; the supervisor ends when its
	 * last tracee has, and the guardian after it. */
	static const int unwanted[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU,
		SIGXFSZ,
	};
	uint64_t none = 0;

	/* A process group of its own and no terminal keep away what terminals
	 * send. A session of its own would do so as well, and be an autogroup of
	 * its own (sched(7)): the scheduler takes 0.4 us more for each change
	 * between tracee and supervisor then. */
	if (!leave_terminal() || setpgid(0, 0) < 0)
		setsid();
	/* Go's monitor thread would wake every 70 us as long as there is work. */
	prctl(PR_SET_TIMERSLACK, 1000000UL, 0, 0, 0);
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(*unwanted); i++)
		signal(unwanted[i], SIG_IGN);
	/* Where it is ignored, children cannot be waited for. */
	signal(SIGCHLD, SIG_DFL);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
}

/* Leave the family of the process that started this one: fork,
 * and let the parent, which is the one that is waited for, exit. */
static void daemonise(void)
{
	pid_t pid;

	shimrun_close_from(FIRST_UNWANTED);
	shimrun_lift_limits();
	mallopt(M_ARENA_MAX, 1);
	pid = fork();
	if (pid < 0)
		_exit(125);
	if (pid > 0)
		_exit(0);
	shimrun_stand_apart();
	shimrun_guard();
}

/* Whether this is a container that we are in; the file is there for that alone. */
static int is_within(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, "shimrun-within") == 0;
}

__attribute__((constructor)) static void start(int argc, char **argv, char **envp)
{
	shimrun_caller.envp = envp;
	shimrun_spare_stacks();
	take_down_signals();
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			shimrun_caller.closed |= 1U << fd;
	if (argc < 1)
		return;
	if (strcmp(argv[0], "shimrun-supervisor") == 0) {
		shimrun_caller.role = SHIMRUN_SUPERVISOR;
		daemonise();
	} else if (strcmp(argv[0], "shimrun-guardian") == 0) {
		shimrun_caller.role = SHIMRUN_SUPERVISOR;
		mallopt(M_ARENA_MAX, 1);
		shimrun_guard_on();
	} else if (strcmp(argv[0], "shimrun-launcher") == 0 && argc == 6) {
		shimrun_caller.role = SHIMRUN_LAUNCHER;
		shimrun_launch(argc, argv, envp);
	} else if (strcmp(argv[0], "shimrun-probe") == 0) {
		shimrun_caller.role = SHIMRUN_PROBE;
	} else if (strcmp(argv[0], "shimrun-last-words") == 0 && argc == 2) {
		_exit(atoi(argv[1]));	/* see endTraced */
	} else if (is_within(argv[0]) && argc > 2) {
		shimrun_caller.role = SHIMRUN_WITHIN;
		shimrun_launch(argc, argv, envp);
	} else if (strcmp(argv[0], "shimrun-init") == 0 || strcmp(argv[0], "shimrun-handover") == 0 ||
		   strcmp(argv[0], "shimrun-trial") == 0) {
		return;	/* packages builtin and delegate know them */
	} else if (shimrun_may_run && shimrun_may_run(argc, argv)) {
		shimrun_launch(argc, argv, envp);
	}
}
