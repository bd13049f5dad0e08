/*
 * The limits of setrlimit(2). They are the command's: the launcher keeps them.
 * What only serves it has limits of its own, and where it may not have more than
 * the command, it gets by with as much: see reserve.c for the address space.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "start.h"

/* What a thread's stack is, in place of a copy of RLIMIT_STACK (pthread_create(3)):
 * that can be a gigabyte, or less than a thread of the Go runtime needs. */
#define THREAD_STACK (256 << 10)

/* As much as any kernel gives: fs.nr_open is no less unless somebody made it so. */
#define DESCRIPTORS (1 << 20)

/* Raise one limit as far as this process may, and to no more than most. */
static void lift(int resource, rlim_t most)
{
	struct rlimit now, most_of_all = { most, most };

	if (getrlimit(resource, &now) < 0 || now.rlim_cur >= most)
		return;
	/* A hard limit is raised by CAP_SYS_RESOURCE alone, a soft one by anybody. */
	if (now.rlim_max < most && setrlimit(resource, &most_of_all) == 0)
		return;
	now.rlim_cur = now.rlim_max < most ? now.rlim_max : most;
	setrlimit(resource, &now);
}

void shimrun_lift_limits(void)
{
	/* RLIMIT_LOCKS and RLIMIT_RSS do nothing; RLIMIT_MSGQUEUE, RLIMIT_NICE and
	 * RLIMIT_RTPRIO are about what no process of ours does. */
	static const int without_end[] = {
		RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_MEMLOCK,
		RLIMIT_NPROC, RLIMIT_RTTIME, RLIMIT_SIGPENDING,
	};
	struct rlimit core;

	for (size_t i = 0; i < sizeof(without_end) / sizeof(*without_end); i++)
		lift(without_end[i], RLIM_INFINITY);
	lift(RLIMIT_NOFILE, DESCRIPTORS);
	lift(RLIMIT_STACK, 8 << 20);
	/* A supervisor's core would have what it read of other users' programs. */
	if (getrlimit(RLIMIT_CORE, &core) == 0) {
		core.rlim_cur = 0;
		setrlimit(RLIMIT_CORE, &core);
	}
}

void shimrun_spare_stacks(void)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) != 0)
		return;
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
}

/* What a supervisor takes besides the program: 33 MiB are tables of the Go
 * runtime's. */
#define MEMORY (60 << 20)

static int has_memory(void)
{
	void *p = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return 0;
	munmap(p, MEMORY);
	return 1;
}

static void *wait_there(void *lock)
{
	pthread_mutex_lock(lock);
	pthread_mutex_unlock(lock);
	return NULL;
}

/* What a supervisor has soon after its start. The kernel counts them for the user
 * (RLIMIT_NPROC), and the Go runtime knows no way out when it gets none. */
#define THREADS 12

static int has_threads(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_t threads[THREADS];
	struct rlimit now;
	int n = 0;

	if (getrlimit(RLIMIT_NPROC, &now) < 0 || now.rlim_cur >= 64)
		return 1;
	pthread_mutex_lock(&lock);
	while (n < THREADS && pthread_create(&threads[n], NULL, wait_there, &lock) == 0)
		n++;
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return n == THREADS;
}

int shimrun_has_enough(void)
{
	return has_memory() && has_threads();
}

/* What may be too little for a supervisor to start, as ulimit(1p) counts it. */
static const struct {
	int resource;
	rlim_t needs, unit;
	const char *option;
} needs[] = {
	{ RLIMIT_AS, 256 << 20, 1024, "-v" },
	{ RLIMIT_DATA, 256 << 20, 1024, "-d" },
	{ RLIMIT_NOFILE, 32, 1, "-n" },
	{ RLIMIT_NPROC, 64, 1, "-u" },
};

size_t shimrun_failure(char *text, size_t size, const char *why)
{
	size_t length = snprintf(text, size, "start the supervisor: %s", why), begin = length;

	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++) {
		struct rlimit now;

		if (getrlimit(needs[i].resource, &now) < 0 || now.rlim_max >= needs[i].needs || length >= size)
			continue;
		length += snprintf(text + length, size - length, "%s ulimit %s, which is %llu",
			length > begin ? ", or" : "; raise", needs[i].option, (unsigned long long)(now.rlim_max / needs[i].unit));
	}
	return length < size ? length : size - 1;
}
