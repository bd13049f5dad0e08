/* One thread changes what another's calls are about while they are made. Every
   call must end as one of the two states would have it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int stop;
static char *path;
static volatile char *flips;
static char low, high;
static char **args;
static int keys, root, moving;

static void *flip(void *unused)
{
	while (!stop) {
		*flips = low;
		*flips = high;
	}
	return unused;
}

static void *unmap(void *unused)
{
	while (!stop) {
		mmap(path, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		mmap(path, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		/* The page is empty now: an empty name until this is done. */
		char copy[256];
		strcpy(copy, args[2]);
		memcpy(path, copy, strlen(copy) + 1);
	}
	return unused;
}

static void *move(void *unused)
{
	while (!stop) {
		if (chdir(args[2]) || chdir("/"))
			_exit(90);
	}
	return unused;
}

static void *redirect(void *unused)
{
	while (!stop) {
		dup2(keys, moving);
		dup2(root, moving);
	}
	return unused;
}

/* tries runs one kind of race for a while and counts how the calls end. */
static void tries(void *(*other)(void *), int dirfd, const char *a, const char *b)
{
	pthread_t t;
	int wrong = 0;
	pthread_create(&t, 0, other, 0);
	struct timespec begin, now;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		for (int i = 0; i < 50; i++) {
			char buf[100] = "";
			struct stat st;
			int fd = syscall(SYS_openat, dirfd, path, O_RDONLY);
			if (fd < 0) {
				if (errno != ENOENT && errno != EFAULT)
					wrong = errno;
			} else {
				long n = read(fd, buf, sizeof buf - 1);
				/* Half a name, while it is being written, can be a directory's. */
				if (other == unmap && n < 0 && errno == EISDIR)
					;
				else if (n <= 0 || (strcmp(buf, a) && (!b || strcmp(buf, b))))
					wrong = 1000;
				close(fd);
			}
			if (syscall(SYS_newfstatat, dirfd, path, &st, 0) < 0 && errno != ENOENT && errno != EFAULT)
				wrong = 2000 + errno;
			if (syscall(SYS_faccessat, dirfd, path, R_OK) < 0 && errno != ENOENT && errno != EFAULT)
				wrong = 3000 + errno;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - begin.tv_sec + (now.tv_nsec - begin.tv_nsec) / 1e9 < 0.5);
	stop = 1;
	pthread_join(t, 0);
	printf("neither the one nor the other: %d\n", wrong);
}

static char *slurp(const char *name)
{
	static char bufs[2][100];
	static int which;
	char *buf = bufs[which++];
	int fd = open(name, O_RDONLY);
	long n = fd < 0 ? -1 : read(fd, buf, 99);
	if (n < 0)
		printf("%s: errno %d\n", name, errno);
	close(fd);
	return buf;
}

int main(int argc, char **argv)
{
	args = argv;
	path = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *is = argv[1];
	if (!strcmp(is, "byte")) {
		strcpy(path, argv[2]);
		flips = path + strlen(path) - 1;
		low = *flips, high = '_';
		tries(flip, AT_FDCWD, slurp(argv[2]), 0);
	} else if (!strcmp(is, "links")) {
		/* Two names in one directory that differ in a byte. */
		char name[300];
		sprintf(name, "%s/A", argv[2]);
		if (symlink(argv[3], name))
			return 1;
		sprintf(name, "%s/B", argv[2]);
		if (symlink(argv[4], name))
			return 1;
		strcpy(path, name);
		flips = path + strlen(path) - 1;
		low = 'A', high = 'B';
		tries(flip, AT_FDCWD, slurp(argv[3]), slurp(argv[4]));
	} else if (!strcmp(is, "unmap")) {
		strcpy(path, argv[2]);
		tries(unmap, AT_FDCWD, slurp(argv[2]), 0);
	} else {
		char name[300];
		sprintf(name, "%s/%s", argv[2], argv[3]);
		char *value = slurp(name);
		strcpy(path, argv[3]);
		keys = open(argv[2], O_RDONLY);
		root = open("/", O_RDONLY);
		moving = dup(root);
		if (!strcmp(is, "chdir"))
			tries(move, AT_FDCWD, value, 0);
		else
			tries(redirect, moving, value, 0);
	}
	return 0;
}
