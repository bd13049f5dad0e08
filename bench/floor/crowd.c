/*
 * Makes something numerous, and then runs a command beside or in it.
 *
 *	crowd processes N COMMAND [ARGUMENT...]   N processes that sleep
 *	crowd threads N COMMAND [ARGUMENT...]     N threads that sleep
 *	crowd mounts N COMMAND [ARGUMENT...]      a mount namespace with N more mounts
 *
 * It ends as the command does, and all that it made ends with it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *sleep_on(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static void processes(int n)
{
	pid_t parent = getpid();

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				_exit(0);
			sleep_on(NULL);
		}
	}
}

static void threads(int n)
{
	pthread_attr_t small;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 << 10);
	for (int i = 0; i < n; i++) {
		pthread_t thread;

		errno = pthread_create(&thread, &small, sleep_on, NULL);
		if (errno)
			die("pthread_create");
	}
}

static void mounts(int n)
{
	char name[64];

	if (unshare(CLONE_NEWNS) < 0)
		die("unshare");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("make / private");
	if (mount("none", "/mnt", "tmpfs", 0, NULL) < 0)
		die("mount a tmpfs on /mnt");
	for (int i = 1; i < n; i++) {
		snprintf(name, sizeof(name), "/mnt/%d", i);
		if (mkdir(name, 0755) < 0 || mount("none", name, "tmpfs", 0, "size=4k") < 0)
			die(name);
	}
}

int main(int argc, char **argv)
{
	int n, status;
	pid_t pid;

	if (argc < 4 || (n = atoi(argv[2])) < 0) {
		fprintf(stderr, "usage: crowd processes|threads|mounts N COMMAND [ARGUMENT...]\n");
		return 2;
	}
	if (!strcmp(argv[1], "mounts")) {
		mounts(n);
		execvp(argv[3], argv + 3);
		die(argv[3]);
	}
	if (!strcmp(argv[1], "processes"))
		processes(n);
	else
		threads(n);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execvp(argv[3], argv + 3);
		die(argv[3]);
	}
	while (waitpid(pid, &status, 0) != pid)
		;
	signal(SIGCHLD, SIG_IGN);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
