/* Many short processes: each is forked in one of three ways, executes this
   program again and reads one file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (!strcmp(argv[1], "child")) {
		char buf[100];
		int fd = open(argv[2], O_RDONLY);
		return read(fd, buf, sizeof buf) == 6 && !memcmp(buf, "65536\n", 6) ? 42 : 1;
	}
	int count = atoi(argv[1]), good = 0;
	for (int i = 0; i < count; i++) {
		pid_t pid = i % 2 ? vfork() : fork();
		if (pid == 0) {
			execl("/proc/self/exe", "forks", "child", argv[2], (char *)0);
			_exit(99);
		}
		int status;
		if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 42)
			good++;
	}
	printf("%d missing\n", count - good);
	return 0;
}
