// The interceptor that the research drew, as a program: every system call of
// every thread stops twice, and a path of open or openat that begins with
// /proc/sys/ is rewritten to begin with the folder in FAKE_PROCSYS.
//
//	naive [-1] [-i] COMMAND [ARG...]
//
//	-1  the drawing to the letter: only the first thread is traced
//	-i  the drawing to the letter: the longer path is written over the shorter
//	    one, and over what lies behind it. Without -i it is written below the
//	    thread's stack, and the argument is changed.
//
// It is here to be measured, and is not how to do it.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { most_threads = 4096, longest_path = 4096, red_zone = 128 };

static const char prefix[] = "/proc/sys/";
static const char *fake;
static pid_t child;
static int in_place;
static unsigned long stops, opens, redirects;

// Which threads are between the entry and the exit of a system call.
static struct { pid_t tid; int inside; } threads[most_threads];

static int *inside(pid_t tid)
{
	for (int i = 0; i < most_threads; i++) {
		if (threads[i].tid == 0)
			threads[i].tid = tid;
		if (threads[i].tid == tid)
			return &threads[i].inside;
	}
	fprintf(stderr, "naive: more than %d threads\n", most_threads);
	exit(125);
}

static void forget(pid_t tid) { *inside(tid) = 0; }

// read_string reads a word at a time, as PTRACE_PEEKDATA does.
static int read_string(pid_t tid, unsigned long addr, char *path)
{
	for (size_t at = 0; at + sizeof(long) <= longest_path; at += sizeof(long)) {
		errno = 0;
		long word = ptrace(PTRACE_PEEKDATA, tid, addr + at, 0);
		if (errno)
			return -1;
		memcpy(path + at, &word, sizeof word);
		if (memchr(&word, 0, sizeof word))
			return 0;
	}
	return -1;
}

static void write_string(pid_t tid, unsigned long addr, const char *path)
{
	for (size_t at = 0, n = strlen(path) + 1; at < n; at += sizeof(long)) {
		long word = ptrace(PTRACE_PEEKDATA, tid, addr + at, 0);
		size_t rest = n - at;
		memcpy(&word, path + at, rest < sizeof word ? rest : sizeof word);
		ptrace(PTRACE_POKEDATA, tid, addr + at, word);
	}
}

static void entered(pid_t tid)
{
	struct user_regs_struct regs;
	char path[longest_path], redirected[2 * longest_path];
	if (ptrace(PTRACE_GETREGS, tid, 0, &regs))
		return;
	unsigned long long *argument = &regs.rsi;
	if (regs.orig_rax == SYS_open)
		argument = &regs.rdi;
	else if (regs.orig_rax != SYS_openat)
		return;
	opens++;
	if (read_string(tid, *argument, path) || strncmp(path, prefix, strlen(prefix)))
		return;
	redirects++;
	snprintf(redirected, sizeof redirected, "%s/%s", fake, path + strlen(prefix));
	if (in_place) {
		write_string(tid, *argument, redirected);
		return;
	}
	*argument = (regs.rsp - red_zone - strlen(redirected) - 1) & ~7ULL;
	write_string(tid, *argument, redirected);
	ptrace(PTRACE_SETREGS, tid, 0, &regs);
}

static void pass_on(int sig) { kill(child, sig); }

int main(int argc, char **argv)
{
	int all = 1, opt;
	while ((opt = getopt(argc, argv, "+1i")) != -1) {
		all = opt == '1' ? 0 : all;
		in_place = opt == 'i' ? 1 : in_place;
	}
	fake = getenv("FAKE_PROCSYS");
	if (optind == argc || !fake) {
		fprintf(stderr, "usage: FAKE_PROCSYS=DIR naive [-1] [-i] COMMAND [ARG...]\n");
		return 125;
	}
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[optind], argv + optind);
		perror(argv[optind]);
		_exit(127);
	}
	signal(SIGTERM, pass_on);
	signal(SIGINT, pass_on);
	int status, result = 125;
	if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status))
		return 125;
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC;
	if (all)
		options |= PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	if (ptrace(PTRACE_SETOPTIONS, child, 0, options))
		perror("naive: PTRACE_SETOPTIONS");
	ptrace(PTRACE_SYSCALL, child, 0, 0);
	for (;;) {
		pid_t tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			break;
		if (!WIFSTOPPED(status)) {
			forget(tid);
			if (tid == child)
				result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			continue;
		}
		stops++;
		int signal = WSTOPSIG(status), event = status >> 16;
		if (signal == (SIGTRAP | 0x80)) {
			int *in = inside(tid);
			if ((*in = !*in))
				entered(tid);
			signal = 0;
		} else if (event || signal == SIGSTOP) {
			signal = 0; // an event, or a new thread's first stop
		}
		ptrace(PTRACE_SYSCALL, tid, 0, signal);
	}
	fprintf(stderr, "naive: %lu stops, %lu opens read, %lu redirected\n", stops, opens, redirects);
	return result;
}
