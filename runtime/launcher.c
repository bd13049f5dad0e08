/*
 * The launcher: the process that the user started and that becomes the command.
 * It is forked from before the Go runtime starts, so that the child can be the
 * supervisor and nothing has to be started twice, and so that what becomes the
 * command has one thread and still everything as its caller gave it. It decides
 * nothing: it does what the supervisor orders.
 *
 *	launcher ── vfork ─▶ (exits) ── fork ─▶ guardian ── fork ─▶ supervisor
 *	   │                                                            │ Go: flags,
 *	   │◀──────────── struct shimrun_order ─────────────────────────┤ profile,
 *	   ├───────────── struct shimrun_answer ───────────────────────▶│ policy
 *	   ▼ execve                                                     ▼ serves
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "start.h"

struct shimrun_launcher shimrun_launcher = { .socket = -1 };
const uint64_t shimrun_landmark = 0x7368696d72756e;

/* The exit statuses of exit.go. */
enum { FAILED = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

/* Go's start, as the C library calls it. */
extern int main(int argc, char **argv, char **envp);

static void complain(const char *text, size_t length)
{
	/* In one piece: others write to standard error too. */
	char *line = malloc(length + 11);

	if (!line)
		return;
	memcpy(line, "shimrun: ", 9);
	memcpy(line + 9, text, length);
	line[length + 9] = '\n';
	if (write(2, line, length + 10) < 0)
		return;
	free(line);
}

/*
 * The supervisor's side of the fork.
 */

static void note(int fd)
{
	if (fd < 3 || fd == shimrun_launcher.socket)
		return;
	if (shimrun_launcher.count % 64 == 0)
		shimrun_launcher.open = realloc(shimrun_launcher.open,
			(shimrun_launcher.count + 64) * sizeof(*shimrun_launcher.open));
	shimrun_launcher.open[shimrun_launcher.count++] = fd;
}

static void note_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	for (int fd = 3; !dir && fd < 1024; fd++)	/* no procfs */
		if (fcntl(fd, F_GETFD) >= 0)
			note(fd);
	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) != dirfd(dir))
			note(atoi(entry->d_name));
	if (dir)
		closedir(dir);
}

/* What the Go runtime of a supervisor is told by the environment. Its threads
 * need no preemption: they wait in system calls, which the signal for it would
 * interrupt. Each of four threads that wait in the kernel from the start keeps one
 * of Go's processors until Go's monitor takes it away, which sleeps (start.c):
 * with that many nobody waits for it, see also package pace. No garbage is
 * collected while the command starts, see collectLater in supervisor.go. */
static char processors[32] = "GOMAXPROCS=";
static char *settings[] = { "GODEBUG=asyncpreemptoff=1,updatemaxprocs=0,containermaxprocs=0", "GOGC=off", "GOTRACEBACK=none", processors };

static void count_processors(void)
{
	cpu_set_t set;
	int count = 4;

	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 4)
		count = CPU_COUNT(&set);
	sprintf(strchr(processors, '=') + 1, "%d", count);
}

/* Make a new block of arguments, environment and auxiliary vector, as execve
 * leaves it, with our settings in it; and show up as a supervisor where the
 * old one was. */
static char **new_block(int argc, char **argv, char **envp)
{
	static const char name[] = "shimrun-supervisor";
	char **p, **block, *text, *old = argv[0], *end = old;
	size_t words = argc + 1, variables = 0, extra = sizeof(settings) / sizeof(*settings), vector = 2;
	uintptr_t *auxv;

	while (envp[variables])
		variables++;
	auxv = (uintptr_t *)(envp + variables + 1);
	for (uintptr_t *a = auxv; *a; a += 2)
		vector += 2;
	block = calloc(words + extra + variables + 1 + vector, sizeof(*block));
	if (!block)
		_exit(FAILED);	/* the launcher sees our end */
	/* The strings lie one after the other, from the first on. */
	for (int i = 0; i < argc; i++)
		if (argv[i] == end)
			end += strlen(argv[i]) + 1;
	for (size_t i = 0; i < variables; i++)
		if (envp[i] == end)
			end += strlen(envp[i]) + 1;
	text = malloc(end - old);
	if (!text)
		_exit(FAILED);
	memcpy(text, old, end - old);
	p = block;
#define MOVED(s) ((s) >= old && (s) < end ? text + ((s) - old) : (s))
	for (int i = 0; i < argc; i++)
		*p++ = MOVED(argv[i]);
	p++;
	for (size_t i = 0; i < extra; i++)
		*p++ = settings[i];
	shimrun_caller.envp = p;
	for (size_t i = 0; i < variables; i++)
		*p++ = MOVED(envp[i]);
	p++;
	memcpy(p, auxv, vector * sizeof(*p));
	/* As setproctitle(3) does it. */
	if ((size_t)(end - old) > sizeof(name)) {
		memset(old, 0, end - old);
		memcpy(old, name, sizeof(name));
	}
	return block;
}

static void supervisor(int argc, char **argv, char **envp)
{
	char **block;

	/* Where threads share one arena, each costs four calls less to start. */
	mallopt(M_ARENA_MAX, 1);
	shimrun_lift_limits();
	shimrun_stand_apart();
	for (int fd = 0; shimrun_caller.closed && fd < 3;)
		if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) > 2 || fd < 0)
			break;
	note_open();
	count_processors();
	block = new_block(argc, argv, envp);
	shimrun_guard();
	if (shimrun_guardian.generation > 0)
		shimrun_caller.role = SHIMRUN_SUPERVISOR;
	exit(main(argc, block, block + argc + 1));
}

/*
 * The launcher's side.
 */

/* A process that starts a launcher for a plan has changed what its own caller
 * gave it, and tells what that was:
 *	shimrun-launcher PLAN FRONT BLOCKED IGNORED CLOSED
 */
static void take_over(char **argv)
{
	for (int i = 1; i <= 2; i++) {
		int fd = atoi(argv[i]);

		if (fd >= 0)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	shimrun_caller.blocked = strtoull(argv[3], NULL, 16);
	shimrun_caller.ignored = strtoull(argv[4], NULL, 16);
	shimrun_caller.closed = strtoul(argv[5], NULL, 16);
	for (int fd = 0; fd < 3; fd++)
		if (shimrun_caller.closed & 1U << fd)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	for (int sig = 1; sig <= 64; sig++) {
		uintptr_t action[8] = { (uintptr_t)SIG_DFL };

		if (shimrun_caller.ignored & (uint64_t)1 << (sig - 1))
			action[0] = (uintptr_t)SIG_IGN;
		syscall(SYS_rt_sigaction, sig, action, NULL, 8);
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &shimrun_caller.blocked, NULL, 8);
}

static int receive(int socket, struct shimrun_order *order, char *rest, size_t *length, int *file)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov[] = { { order, sizeof(*order) }, { rest, SHIMRUN_PACKET } };
	struct msghdr msg = {
		.msg_iov = iov, .msg_iovlen = 2,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *rights;
	ssize_t n;

	while ((n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (n < (ssize_t)sizeof(*order))
		return 0;
	*length = n - sizeof(*order);
	*file = -1;
	rights = CMSG_FIRSTHDR(&msg);
	if (rights && rights->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(file, CMSG_DATA(rights), sizeof(int));
	return order->length <= *length;
}

static void answer(int socket, int error, int where, uint32_t flags, int fd)
{
	struct shimrun_answer a = { error, where, flags };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &a, sizeof(a) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *rights;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		rights = CMSG_FIRSTHDR(&msg);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &fd, sizeof(int));
	}
	/* If the supervisor is gone, the next receive tells. */
	while (sendmsg(socket, &msg, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* Load the filter on this thread alone, as seccomp.Load does. */
static int load(const struct sock_fprog *program, uint32_t *flags)
{
	int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, *flags, program);

	if (fd < 0 && errno == EACCES) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			return -1;
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, *flags, program);
	}
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
	if (fd < 0 && errno == EINVAL && *flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
		*flags &= ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;	/* Linux before 5.19 */
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, *flags, program);
	}
	return fd;
}

static long probe(const struct shimrun_order *o)
{
	const uint64_t *a = o->arguments;

	errno = 0;
	return syscall(o->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* From the load to the first answer nothing is called that can be trapped:
 * sendmsg and close. */
static int notify(int socket, const struct shimrun_order *o, const struct sock_fprog *program)
{
	uint32_t flags = o->flags;
	int listener = load(program, &flags);

	if (listener < 0) {
		answer(socket, errno, SHIMRUN_LOADING, 0, -1);
		return 0;
	}
	answer(socket, 0, 0, flags, listener);
	/* Ours has to go before the first trapped call, which would wait forever
	 * for a supervisor that has died; with no listener left it fails. */
	close(listener);
	if (probe(o) != (long)o->greeting) {
		answer(socket, errno ? errno : EPROTO, SHIMRUN_PROBING, 0, -1);
		return 0;
	}
	return 1;
}

static void trace(int socket, const struct shimrun_order *o, const struct sock_fprog *program)
{
	uint32_t flags = 0;

	prctl(PR_SET_PTRACER, 0, 0, 0, 0);
	if (load(program, &flags) < 0) {
		answer(socket, errno, SHIMRUN_LOADING, 0, -1);
		return;
	}
	/* RET_TRACE without a tracer is ENOSYS; with one, the call's arguments are
	 * merely wrong. */
	if (probe(o) < 0 && errno == ENOSYS)
		answer(socket, errno, SHIMRUN_PROBING, 0, -1);
	else
		answer(socket, 0, 0, 0, -1);
}

/* The command's file and arguments stand at the end of an order, or in a file,
 * or in a pipe. */
static char *command_of(char *rest, size_t *length, int file)
{
	struct stat st;
	int size;
	char *text;

	if (file < 0)
		return rest;
	if (fstat(file, &st) < 0)
		return NULL;
	size = st.st_size;
	if (S_ISFIFO(st.st_mode) && ioctl(file, FIONREAD, &size) < 0)
		return NULL;
	if (!(text = malloc(size)) || read(file, text, size) != size)
		return NULL;
	*length = size;
	return text;
}

struct shimrun_obeyed shimrun_obey(int socket)
{
	static char rest[SHIMRUN_PACKET];
	struct shimrun_obeyed done = { 0 };
	struct shimrun_order o;
	size_t length;
	int file;

	while (receive(socket, &o, rest, &length, &file)) {
		struct sock_fprog program = { o.length / sizeof(struct sock_filter), (struct sock_filter *)rest };

		switch (o.kind) {
		case SHIMRUN_ASIDE:
			done.kind = o.kind;
			return done;
		case SHIMRUN_EXIT:
			done.kind = o.kind;
			done.status = o.number;
			done.text = rest;
			done.length = o.length;
			return done;
		case SHIMRUN_ATTACH:
			/* The supervisor is no ancestor of ours: where Yama restricts
			 * ptrace to descendants (ptrace_scope 1) it needs leave. EINVAL
			 * where there is no Yama. */
			prctl(PR_SET_PTRACER, o.supervisor, 0, 0, 0);
			answer(socket, 0, 0, 0, -1);
			continue;
		case SHIMRUN_TRACE:
			done.traced = 1;
			trace(socket, &o, &program);
			continue;
		}
		length -= o.length;
		done.text = command_of(rest + o.length, &length, file);
		done.length = length;
		if (file >= 0)
			close(file);
		if (!done.text) {
			answer(socket, ENOMEM, SHIMRUN_LOADING, 0, -1);
			continue;
		}
		if (o.kind == SHIMRUN_BECOME || notify(socket, &o, &program)) {
			done.kind = SHIMRUN_BECOME;
			done.supervisor = o.supervisor;
			return done;
		}
	}
	done.kind = 0;
	return done;
}

/* Execute the command; what is returned is errno. */
static int become(const struct shimrun_obeyed *done, char **envp)
{
	size_t words = 0;
	char **argv, **p, *end = done->text + done->length;

	for (char *s = done->text; s < end; s += strlen(s) + 1)
		words++;
	argv = calloc(words + 1, sizeof(*argv));
	if (!argv)
		return ENOMEM;
	p = argv;
	for (char *s = done->text + strlen(done->text) + 1; s < end; s += strlen(s) + 1)
		*p++ = s;
	execve(done->text, argv, envp);
	return errno;
}

/* Become the command when the supervisor's process, which is our child, has ended:
 * it must not stay behind as the command's. */
__attribute__((noreturn)) static void become_alone(int socket, pid_t child, const struct shimrun_obeyed *done, char **envp)
{
	char text[400];
	int error;

	close(socket);
	while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
		;
	error = become(done, envp);
	complain(text, snprintf(text, sizeof(text), "exec %.300s: %s", done->text, strerror(error)));
	_exit(error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

/* child is the supervisor's process where that is a child of ours, else 0. */
static void follow_orders(int socket, pid_t child, char **envp)
{
	static const char gone[] = "the supervisor ended before the command was started; was it killed?";

	for (;;) {
		struct shimrun_obeyed done = shimrun_obey(socket);

		switch (done.kind) {
		case SHIMRUN_ASIDE:
			close(socket);
			while (child && waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
				;
			return;
		case SHIMRUN_EXIT:
			if (done.length)
				complain(done.text, done.length);
			_exit(done.status);
		case SHIMRUN_BECOME:
			if (child && !done.supervisor)
				become_alone(socket, child, &done, envp);
			/* Also where the file is one of those that the supervisor serves. */
			answer(socket, become(&done, envp), SHIMRUN_BECOMING, 0, -1);
			continue;
		}
		complain(gone, sizeof(gone) - 1);
		_exit(FAILED);
	}
}

struct start {
	int argc, socket, other;
	pid_t child;	/* the supervisor's process where it is our own child */
	char **argv, **envp;
};

static int pending(int sig)
{
	sigset_t set;

	return sigpending(&set) == 0 && sigismember(&set, sig);
}

static void go_on(struct start *start)
{
	close(start->other);
	shimrun_launcher.socket = start->socket;
	supervisor(start->argc, start->argv, start->envp);
}

/* In a container the supervisor of a further process would become a child of
 * the first one, which may never reap it. Make it a child of our own parent,
 * who is outside and waits for us. The first process cannot have that (EINVAL),
 * and gVisor takes the flag and ignores it. */
static pid_t fork_sibling(struct start *start)
{
	pid_t own = getpid(), pid = syscall(SYS_clone, CLONE_PARENT, 0, 0, 0, 0);

	if (pid == 0) {
		if (getppid() == own)
			_exit(0);
		go_on(start);
	}
	/* ECHILD: it is none of ours. */
	while (pid > 0 && waitpid(pid, NULL, __WALL) != pid)
		if (errno != EINTR)
			return pid;
	return -1;
}

/* Whether orphans become our children, and with that the command's: those of a
 * pid namespace do its first process's, and a subreaper stays one over execve(2). */
static int adopts_orphans(void)
{
	int subreaper = 0;

	return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0) == 0 && subreaper);
}

/* Then nothing can be no child of the command. But one that sends no signal when it
 * ends is none to wait(2), unless it is asked for (__WALL, __WCLONE). An orphan
 * would become one that does (reparent_leader in kernel/exit.c), so that it has to
 * be ours from the first. */
static int fork_unseen(struct start *start)
{
	start->child = syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (start->child == 0)
		go_on(start);
	if (start->child > 0)
		return 0;
	start->child = 0;
	return -1;
}

/* Fork the supervisor through a process that ends at once, so that the command
 * has no child that it did not make. That process shares our memory, and we
 * wait; what it forks goes on from here with a copy, as the supervisor. */
static int start_supervisor(struct start *start)
{
	volatile int before = pending(SIGCHLD);
	int status = 0;
	pid_t middle = shimrun_caller.role == SHIMRUN_WITHIN ? fork_sibling(start) : 0;

	if (middle > 0)
		return 0;
	if (adopts_orphans())
		return fork_unseen(start);
	middle = vfork();
	if (middle == 0) {
		pid_t pid = fork();

		if (pid == 0)
			go_on(start);
		_exit(pid < 0 ? errno : 0);
	}
	if (middle < 0)
		return -1;
	/* ECHILD where the caller has SIGCHLD ignored. */
	while (waitpid(middle, &status, 0) < 0 && errno == EINTR)
		;
	if (!before && pending(SIGCHLD)) {	/* it is blocked */
		static const struct timespec now;
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGCHLD);
		sigtimedwait(&set, NULL, &now);
	}
	if (status == 0)
		return 0;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return -1;
}

void shimrun_launch(int argc, char **argv, char **envp)
{
	struct start start = { .argc = argc, .argv = argv, .envp = envp };
	int pair[2];

	if (shimrun_caller.role == SHIMRUN_LAUNCHER)
		take_over(argv);
	shimrun_launcher.pid = getpid();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
		for (int i = 0; i < 2; i++) {
			int low = pair[i];

			/* Where one of the first three is closed, it has to stay so. */
			if (low < 3) {
				pair[i] = fcntl(low, F_DUPFD_CLOEXEC, 3);
				close(low);
			}
		}
		start.other = pair[0];
		start.socket = pair[1];
		if (start_supervisor(&start) == 0) {
			close(pair[1]);
			follow_orders(pair[0], start.child, envp);
			return;
		}
	}
	/* There is no more to hope for from a Go runtime, which needs threads. */
	char text[400];

	complain(text, shimrun_failure(text, sizeof(text), strerror(errno)));
	_exit(FAILED);
}
