/* Prints all that a process inherits. Where anything is between the caller and
   this program, it must not show. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	char cwd[4096];
	for (int i = 0; i < argc; i++)
		printf("argv %d: %s\n", i, argv[i]);
	for (char **e = environ; *e; e++)
		printf("env: %s\n", *e);
	printf("cwd: %s\n", getcwd(cwd, sizeof cwd));
	mode_t mask = umask(0);
	printf("umask: %o\n", mask);
	printf("ids: %d %d %d %d, groups %d\n", getuid(), geteuid(), getgid(), getegid(), getgroups(0, 0));
	printf("own group: %d, own session: %d\n", getpgrp() == getpid(), getsid(0) == getpid());
	printf("nice: %d\n", getpriority(PRIO_PROCESS, 0));
	printf("scheduler: %d\n", sched_getscheduler(0));
	cpu_set_t set;
	printf("cpus: %d\n", sched_getaffinity(0, sizeof set, &set) < 0 ? -1 : CPU_COUNT(&set));
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit l = {0, 0};
		getrlimit(i, &l);
		printf("limit %d: %lu %lu\n", i, (unsigned long)l.rlim_cur, (unsigned long)l.rlim_max);
	}
	for (int i = 1; i < 65; i++) {
		struct {
			unsigned long handler, flags, restorer, mask;
		} sa = {0};
		if (syscall(SYS_rt_sigaction, i, 0, &sa, 8) == 0 && (sa.handler || sa.flags || sa.mask))
			printf("signal %d: handler %lx flags %lx mask %lx\n", i, sa.handler, sa.flags, sa.mask);
	}
	unsigned long blocked = 0, pending = 0;
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, &blocked, 8);
	syscall(SYS_rt_sigpending, &pending, 8);
	printf("blocked %lx pending %lx\n", blocked, pending);
	printf("dumpable %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	int sig = -1;
	prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0);
	printf("death signal: %d\n", sig);
	printf("name: ");
	prctl(PR_GET_NAME, cwd, 0, 0, 0);
	printf("%s\n", cwd);
	for (int fd = 0; fd < 1024; fd++) {
		struct stat st;
		if (fstat(fd, &st) < 0)
			continue;
		printf("fd %d: type %o flags %x cloexec %d at %ld\n", fd, st.st_mode & S_IFMT, fcntl(fd, F_GETFL), fcntl(fd, F_GETFD), (long)lseek(fd, 0, SEEK_CUR));
	}
	char line[200];
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "Cap", 3) || !strncmp(line, "Threads", 7))
			fputs(line, stdout);
	return 0;
}
