/* execve(2) from a thread that is not the leader, while others make calls. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char **args;

static void *busy(void *unused)
{
	for (;;) {
		int fd = open(args[1], O_RDONLY);
		if (fd >= 0)
			close(fd);
	}
	return unused;
}

static void *execer(void *unused)
{
	usleep(5000);
	execl("/proc/self/exe", "again", args[1], args[2] ? "3" : "2", (char *)0);
	perror("execl");
	return unused;
}

int main(int argc, char **argv)
{
	args = argv;
	char buf[100];
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	long n = read(fd, buf, sizeof buf);
	printf("%s: %.*s\n", argc > 2 ? argv[2] : "1", n > 1 ? (int)n - 1 : 0, buf);
	fflush(stdout);
	if (argc > 2 && !strcmp(argv[2], "3"))
		return 0;
	pthread_t t;
	for (int i = 0; i < 3; i++)
		pthread_create(&t, 0, busy, 0);
	pthread_create(&t, 0, execer, 0);
	pthread_join(t, 0);
	return 1;
}
