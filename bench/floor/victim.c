/*
 * The measured program: one system call, or a few, over and over.
 *
 *	victim OPERATION MILLISECONDS THREADS [PATH [EXPECTED]]
 *
 * It prints "NANOSECONDS OPERATIONS": how long the wall clock ran, and what was
 * done meanwhile by all threads together. The calls are raw ones, and the clock
 * is looked at between batches, not between calls. "=N" in the place of
 * MILLISECONDS does N operations, by one thread, for whoever counts calls.
 *
 * EXPECTED is what the operation has to see: a file's text, a filesystem's type
 * in hexadecimal. It is looked at before the clock starts, so that nobody is
 * measured who does not do his work.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *path = "", *expected;
static char *self;

/* A job does its operation so many times; a negative result is a failure. */
typedef long job(long times);

static void fail(const char *what)
{
	fprintf(stderr, "victim: %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static long do_getppid(long times)
{
	while (times--)
		syscall(SYS_getppid);
	return 0;
}

static long do_open(long times)
{
	while (times--) {
		long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);

		if (fd < 0)
			return -1;
		syscall(SYS_close, fd);
	}
	return 0;
}

static long do_enoent(long times)
{
	while (times--)
		if (syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) != -1 || errno != ENOENT)
			return -1;
	return 0;
}

static long do_stat(long times)
{
	struct stat st;

	while (times--)
		if (syscall(SYS_newfstatat, AT_FDCWD, path, &st, 0))
			return -1;
	return 0;
}

/* The buffer is cleared each time, as a program's stack would hold something
 * else: an answer that is there already is cheap to give. */
static long do_statfs(long times)
{
	struct statfs st;

	while (times--) {
		memset(&st, 0, sizeof st);
		if (syscall(SYS_statfs, path, &st))
			return -1;
	}
	if (expected && (unsigned long)st.f_type != strtoul(expected, NULL, 16)) {
		errno = ESTALE;
		return -1;
	}
	return 0;
}

static long do_read(long times)
{
	char text[256];

	while (times--) {
		long n, fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);

		if (fd < 0)
			return -1;
		n = syscall(SYS_read, fd, text, sizeof text);
		syscall(SYS_close, fd);
		if (n < 0)
			return -1;
		if (expected && ((size_t)n != strlen(expected) || memcmp(text, expected, n))) {
			errno = ESTALE;
			return -1;
		}
	}
	return 0;
}

/* A value is written that is there already. */
static long do_write(long times)
{
	while (times--) {
		long n, fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY);

		if (fd < 0)
			return -1;
		n = syscall(SYS_write, fd, "1\n", 2);
		syscall(SYS_close, fd);
		if (n != 2)
			return -1;
	}
	return 0;
}

/* A request and its answer through a pair of sockets, both ends of which are here: four
 * calls, and nobody is waited for. */
static long do_exchange(long times)
{
	static __thread int pair[2] = { -1, -1 };
	char text[64] = "";

	if (pair[0] < 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	while (times--)
		for (int end = 0; end < 2; end++)
			if (syscall(SYS_write, pair[end], text, sizeof text) != sizeof text ||
			    syscall(SYS_read, pair[!end], text, sizeof text) != sizeof text)
				return -1;
	return 0;
}

/* A new process that executes a program and ends: this one, told to. */
static long do_exec(long times)
{
	while (times--) {
		int status;
		pid_t child = fork();

		if (child < 0)
			return -1;
		if (child == 0) {
			execl(self, self, "nothing", NULL);
			_exit(127);
		}
		if (waitpid(child, &status, 0) != child || status)
			return -1;
	}
	return 0;
}

/* Arithmetic alone. */
static long do_compute(long times)
{
	static volatile uint64_t sink;
	uint64_t x = 88172645463325252ULL;

	while (times--)
		for (int i = 0; i < 1000; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		}
	sink = x;
	(void)sink;
	return 0;
}

static const struct {
	const char *name;
	job *job;
} jobs[] = {
	{ "getppid", do_getppid }, { "open", do_open }, { "enoent", do_enoent },
	{ "stat", do_stat },       { "statfs", do_statfs }, { "read", do_read },
	{ "write", do_write },     { "exchange", do_exchange },
	{ "exec", do_exec },       { "compute", do_compute },
};

static job *wanted(const char *name)
{
	for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
		if (!strcmp(jobs[i].name, name))
			return jobs[i].job;
	fprintf(stderr, "victim: no operation %s\n", name);
	exit(2);
}

struct worker {
	pthread_t thread;
	job *job;
	long done;
};

static pthread_barrier_t begin; /* all threads are there */
static uint64_t start, until;

/* Batches grow until one takes half a millisecond, so that the clock's cost
 * vanishes and the end is not missed by much. */
static void *work(void *arg)
{
	struct worker *w = arg;
	long batch = 1;
	uint64_t before;

	pthread_barrier_wait(&begin);
	before = now();
	do { /* once at least, however late it is */
		uint64_t after;

		if (w->job(batch) < 0)
			fail("operation on");
		w->done += batch;
		after = now();
		if (after - before < 250000)
			batch *= 2;
		before = after;
	} while (before < until);
	return NULL;
}

static void loop(job *job, uint64_t nanoseconds, int threads)
{
	struct worker *workers = calloc(threads, sizeof *workers);
	uint64_t end;
	long done = 0;

	pthread_barrier_init(&begin, NULL, threads);
	for (int i = 0; i < threads; i++) {
		workers[i].job = job;
		if (i > 0 && pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			fail("thread for");
	}
	start = now();
	until = start + nanoseconds;
	work(&workers[0]);
	for (int i = 1; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	end = now();
	for (int i = 0; i < threads; i++)
		done += workers[i].done;
	printf("%llu %ld\n", (unsigned long long)(end - start), done);
}

static void rest(void)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	nanosleep(&pause, NULL);
}

/* Beside the operations a thread writes to the file, over and over. It sleeps for nearly
 * all of the time, with the file open, and so takes no processor from others. */
static void *write_on(void *unused)
{
	for (;;) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		for (int i = 0; i < 8; i++) {
			if (fd < 0 || pwrite(fd, "1\n", 2, 0) != 2)
				fail("write to");
			rest();
		}
		close(fd);
	}
	return unused;
}

/* One operation each 100 µs; only the operations are timed. In between the
 * program computes, or sleeps. */
static void sparse(job *job, uint64_t nanoseconds, int sleeps)
{
	uint64_t in = 0, clock = 0;
	long done = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t t = now();

		clock += now() - t;
	}
	clock /= 1000;
	start = now();
	for (uint64_t next = start; next < start + nanoseconds; next += 100000) {
		uint64_t before;

		if (sleeps) {
			struct timespec pause = { .tv_nsec = 100000 };

			nanosleep(&pause, NULL);
		} else {
			while (now() < next)
				;
		}
		before = now();
		if (job(1) < 0)
			fail("operation on");
		in += now() - before - clock;
		done++;
	}
	printf("%llu %ld\n", (unsigned long long)in, done);
}

int main(int argc, char **argv)
{
	uint64_t nanoseconds;
	char *operation;
	int threads, burst, beside;
	pthread_t writer;
	job *job;

	self = argv[0];
	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	if (argc < 4) {
		fprintf(stderr, "usage: victim OPERATION MILLISECONDS THREADS [PATH [EXPECTED]]\n");
		return 2;
	}
	operation = argv[1];
	nanoseconds = strtoull(argv[2], NULL, 10) * 1000000;
	threads = atoi(argv[3]);
	if (argc > 4)
		path = argv[4];
	if (argc > 5)
		expected = argv[5];

	burst = !strncmp(operation, "sparse-", 7) || !strncmp(operation, "drowsy-", 7);
	beside = !strncmp(operation, "beside-", 7);
	job = wanted(burst || beside ? operation + 7 : operation);
	if (job(1) < 0)
		fail("first operation on");
	expected = NULL;
	if (beside && pthread_create(&writer, NULL, write_on, NULL))
		fail("thread for");
	if (argv[2][0] == '=') {
		long times = atol(argv[2] + 1);

		start = now();
		if (job(times) < 0)
			fail("operation on");
		printf("%llu %ld\n", (unsigned long long)(now() - start), times);
	} else if (burst)
		sparse(job, nanoseconds, operation[0] == 'd');
	else
		loop(job, nanoseconds, threads);
	return 0;
}
