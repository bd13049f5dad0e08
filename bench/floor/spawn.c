/*
 * Times whole commands: from the start of the new process to its end.
 *
 *	spawn TIMES COMMAND [ARGUMENT...]
 *
 * It prints "NANOSECONDS TIMES". What the command prints on standard output is
 * thrown away; a command that fails ends the measurement.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Pages that others read need not know where somebody keeps his programs. */
static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t files;
	uint64_t took = 0;
	int times;

	if (argc < 3 || (times = atoi(argv[1])) < 1) {
		fprintf(stderr, "usage: spawn TIMES COMMAND [ARGUMENT...]\n");
		return 2;
	}
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	for (int i = 0; i < times; i++) {
		uint64_t before = now();
		int status, err;
		pid_t child;

		err = posix_spawnp(&child, argv[2], &files, NULL, argv + 2, environ);
		if (err) {
			fprintf(stderr, "spawn: %s: %s\n", base(argv[2]), strerror(err));
			return 127;
		}
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		took += now() - before;
		if (status) {
			fprintf(stderr, "spawn: %s: status %#x\n", base(argv[2]), status);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
	}
	printf("%llu %d\n", (unsigned long long)took, times);
	return 0;
}
