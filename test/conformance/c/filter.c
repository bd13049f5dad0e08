/* A program with a seccomp filter of its own: refuses some calls, then kills. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int install(unsigned nr, unsigned action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof code / sizeof *code, code};
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static void show(const char *what, const char *path)
{
	char buf[100];
	int fd = open(path, O_RDONLY);
	if (fd < 0) {
		printf("%s: errno %d\n", what, errno);
		return;
	}
	long n = read(fd, buf, sizeof buf);
	printf("%s: %.*s\n", what, n > 1 ? (int)n - 1 : 0, buf);
	close(fd);
}

int main(int argc, char **argv)
{
	show("before", argv[1]);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	printf("filter: %d\n", install(SYS_getpgid, SECCOMP_RET_ERRNO | EDOM));
	long pgid = syscall(SYS_getpgid, 0);
	printf("getpgid: %ld errno %d\n", pgid, errno);
	show("after", argv[1]);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		install(SYS_openat, SECCOMP_RET_ERRNO | EXDEV);
		show("own errno for openat", argv[1]);
		fflush(stdout);
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	pid = fork();
	if (pid == 0) {
		install(SYS_getpgid, SECCOMP_RET_KILL_PROCESS);
		show("before the end", argv[1]);
		fflush(stdout);
		syscall(SYS_getpgid, 0);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("killed by signal %d\n", status & 0x7f);
	return 0;
}
