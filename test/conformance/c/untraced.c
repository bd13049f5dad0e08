/* CLONE_UNTRACED asks a tracer to leave the child alone. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long pid = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		char buf[100];
		int fd = open(argv[1], O_RDONLY);
		if (fd < 0)
			_exit(errno);
		_exit(read(fd, buf, sizeof buf) == 6 ? 77 : 78);
	}
	int status;
	waitpid(pid, &status, 0);
	printf("child: %d\n", WEXITSTATUS(status));
	return 0;
}
