/* A process with several threads sends a descriptor of a sysctl to another process, and
   closes its own: what that one writes is the sysctl's value. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void *sleeps(void *unused)
{
	pause();
	return unused;
}

static struct msghdr message(char *control, size_t size)
{
	static char byte;
	static struct iovec one = { &byte, 1 };
	struct msghdr m = { .msg_iov = &one, .msg_iovlen = 1, .msg_control = control, .msg_controllen = size };

	return m;
}

int main(int argc, char **argv)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct msghdr m = message(control, sizeof control);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int pair[2], status, fd;
	pthread_t thread;

	if (argc < 3 || socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		return 2;
	pid_t child = fork();
	if (!child) {
		if (recvmsg(pair[1], &m, 0) != 1)
			return 1;
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
		long n = write(fd, argv[2], strlen(argv[2]));
		printf("the other writes: %ld %s\n", n, n < 0 ? strerrorname_np(errno) : "done");
		return 0;
	}
	pthread_create(&thread, NULL, sleeps, NULL);
	fd = open(argv[1], O_WRONLY | O_CLOEXEC);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	const char *sent = fd < 0 || sendmsg(pair[0], &m, 0) != 1 ? strerrorname_np(errno) : "done";
	close(fd);
	waitpid(child, &status, 0);
	printf("open and send: %s\n", sent);
	return 0;
}
