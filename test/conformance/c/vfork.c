/* A child of vfork(2) opens a file while its parent waits: raw, because a
   library would not let it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char buf[100];
	static volatile long n = -1;
	for (int i = 0; i < 3; i++) {
		pid_t pid = vfork();
		if (pid == 0) {
			int fd = open(argv[1], O_RDONLY);
			n = read(fd, buf, sizeof buf);
			close(fd);
			if (i == 2)
				execl("/bin/cat", "cat", argv[1], (char *)0);
			_exit(i);
		}
		int status;
		waitpid(pid, &status, 0);
		printf("child %d: %ld bytes, %.*s, status %#x\n", i, n, n > 1 ? (int)n - 1 : 0, buf, status);
		fflush(stdout);
	}
	return 0;
}
