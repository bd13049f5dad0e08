/* Those who share a descriptor table write to a sysctl, each in his own way, what no
   sysctl takes: write(2) itself has to say so, however many are at it at once. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *file;
static const char **self;
static int mode = O_RDWR;
static double end;
static long taken, seen;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void put(int fd)
{
	if (write(fd, "junk", 4) >= 0)
		__atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
}

static int opened(void) { return open(file, mode | O_CLOEXEC); }

static void look(int fd)
{
	char text[100] = "";
	if (pread(fd, text, sizeof text - 1, 0) > 0 && strstr(text, "junk"))
		__atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
}

static void *turns(void *unused)
{
	while (now() < end) {
		int fd = opened();
		put(fd);
		look(fd);
		close(fd);
	}
	return unused;
}

/* A number that somebody else will be given, or has been. */
static void *guesses(void *unused)
{
	while (now() < end)
		for (int fd = 3; fd < 8; fd++)
			put(fd);
	return unused;
}

static void *guesses_shortly(void *unused)
{
	for (double until = now() + 0.003; now() < until;)
		for (int fd = 3; fd < 8; fd++)
			put(fd);
	return unused;
}

/* Threads that come while others begin to be watched. */
static void *bears(void *unused)
{
	while (now() < end) {
		pthread_t thread[4];
		int made = 0;
		while (made < 4 && !pthread_create(&thread[made], NULL, guesses_shortly, NULL))
			made++;
		while (made)
			pthread_join(thread[--made], NULL);
	}
	return unused;
}

static void *waits(void *unused)
{
	while (now() < end) {
		int fd = opened();
		look(fd);
		close(fd);
	}
	return unused;
}

/* The descriptor goes back and forth, so that no look at the table in passing sees it. */
static void *moves(void *unused)
{
	while (now() < end) {
		dup2(40, 10);
		put(10);
		dup2(10, 40);
	}
	return unused;
}

static void *removes(void *unused)
{
	while (now() < end) {
		close(40);
		close(10);
		int fd = opened();
		dup2(fd, 40);
		close(fd);
	}
	return unused;
}

/* A table of its own. */
static void *leaves(void *unused)
{
	unshare(CLONE_FILES);
	int fd = opened();
	while (now() < end)
		put(fd);
	look(fd);
	return unused;
}

/* Many at once, in turns. */
static void *holds(void *unused)
{
	int fd[50];

	while (now() < end) {
		for (int i = 0; i < 50; i++)
			fd[i] = opened();
		for (int i = 0; i < 50; i++)
			put(fd[i]);
		for (int i = 0; i < 50; i++)
			close(fd[i]);
	}
	return unused;
}

static int process(void *unused)
{
	guesses(unused);
	_exit(0);
}

static void *becomes(void *unused)
{
	char number[12];
	sprintf(number, "%d", open(file, mode));
	execl(self[0], self[0], "inherited", number, NULL);
	return unused;
}

static void start(void *(*how)(void *))
{
	pthread_t thread;
	pthread_create(&thread, NULL, how, NULL);
}

static void *last(void *unused)
{
	turns(unused);
	exit(taken || seen);
}

static void nap(double seconds)
{
	if (seconds > 0)
		usleep(seconds * 1e6);
}

static int way(const char *name)
{
	static char stack[1 << 16];

	if (!strcmp(name, "threads")) {
		for (int i = 0; i < 6; i++)
			start(turns);
	} else if (!strcmp(name, "few-numbers")) {
		struct rlimit few = { 100, 100 };
		setrlimit(RLIMIT_NOFILE, &few);
		start(turns);
		start(turns);
	} else if (!strcmp(name, "many-numbers")) {
		start(holds);
		start(turns);
		start(turns);
	} else if (!strcmp(name, "guesses")) {
		for (int i = 0; i < 3; i++) {
			start(guesses);
			start(waits);
		}
	} else if (!strcmp(name, "born-meanwhile")) {
		start(bears);
		start(bears);
		start(waits);
		start(waits);
	} else if (!strcmp(name, "moved")) {
		start(removes);
		start(moves);
		start(moves);
	} else if (!strcmp(name, "own-tables")) {
		start(leaves);
		start(turns);
		start(turns);
	} else if (!strcmp(name, "shared-table")) {
		pid_t child = clone(process, stack + sizeof stack, CLONE_FILES | CLONE_VM | SIGCHLD, NULL);
		nap(0.02);
		turns(NULL);
		waitpid(child, NULL, 0);
	} else if (!strcmp(name, "children")) {
		start(turns);
		start(waits);
		while (now() < end) {
			pid_t child = fork();
			if (!child) {
				for (int fd = 3; fd < 8; fd++)
					put(fd);
				_exit(taken != 0);
			}
			int status;
			waitpid(child, &status, 0);
			taken += status != 0;
		}
	} else if (!strcmp(name, "leader-ended")) {
		start(last);
		pthread_exit(NULL);
	} else if (!strcmp(name, "execve")) {
		start(becomes);
		pause();
	}
	nap(end - now() + 0.02);
	return taken || seen;
}

/*	junk FILE [write-only] [WAY...] */
int main(int argc, const char **argv)
{
	/* A shared table only when asked for. */
	static const char *all[] = {
		"threads", "many-numbers", "few-numbers", "guesses", "born-meanwhile", "moved", "own-tables", "children", "leader-ended", "execve", NULL,
	};
	const char **ways = all;

	self = argv;
	if (!strcmp(argv[1], "inherited")) {
		put(atoi(argv[2]));
		return taken != 0;
	}
	file = argv[1];
	if (argc > 2 && !strcmp(argv[2], "write-only")) {
		mode = O_WRONLY;
		argc--;
		argv++;
	}
	if (argc > 2)
		ways = argv + 2;
	int fd = opened();
	printf("open: %s\n", fd < 0 ? strerrorname_np(errno) : "done");
	fflush(stdout);
	close(fd);
	for (; *ways; ways++) {
		int status;
		pid_t child = fork();
		if (!child) {
			end = now() + 0.2;
			exit(way(*ways));
		}
		waitpid(child, &status, 0);
		printf("%s: %s\n", *ways, !status ? "refused" : WIFSIGNALED(status) ? "killed" : "junk was taken or read");
		fflush(stdout);
	}
	return 0;
}
