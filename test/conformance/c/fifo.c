/* Opens of a FIFO by a name that leads into a directory and out of it again: they wait
   for the other end, and for nothing else. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char plain[100], name[400];

static void say(const char *what, int fd)
{
	if (fd < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: descriptor %d, flags %o\n", what, fd, fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_PATH));
	fflush(stdout);
}

static void nothing(int signal) { (void)signal; }

static void in_a_while(int flags)
{
	struct sigaction action = { .sa_handler = nothing, .sa_flags = flags };
	sigaction(SIGALRM, &action, NULL);
	ualarm(50000, 0);
}

static pid_t writer(void)
{
	pid_t child = fork();
	if (!child) {
		usleep(150000);
		int fd = open(plain, O_WRONLY);
		write(fd, "text", 4);
		_exit(0);
	}
	return child;
}

static void *opened_and_read(void *unused)
{
	char text[10] = "";
	int fd = open(name, O_RDONLY);
	say("a thread", fd);
	read(fd, text, 4);
	printf("it reads %s\n", text);
	close(fd);
	return unused;
}

int main(int argc, char **argv)
{
	char text[10] = "";
	pthread_t thread;
	pid_t readers[5];
	int fd;

	sprintf(plain, "/tmp/conformance-fifo-%d", getpid());
	mkfifo(plain, 0666);
	sprintf(name, "%s/../../../../..%s", argv[1], plain);

	say("the directory", fd = open(argv[1], O_RDONLY));
	if (fd < 0) {
		unlink(plain);
		return 0; /* and no way out of it */
	}
	close(fd);
	in_a_while(0);
	say("until a signal", open(name, O_RDONLY | O_CLOEXEC));
	in_a_while(SA_RESTART);
	pid_t child = writer();
	say("over a signal, until a writer", fd = open(name, O_RDONLY | O_CLOEXEC));
	read(fd, text, 4);
	printf("reads %s\n", text);
	close(fd);
	waitpid(child, NULL, 0);

	pthread_create(&thread, NULL, opened_and_read, NULL);
	usleep(50000);
	say("meanwhile the directory", fd = open(argv[1], O_RDONLY));
	close(fd);
	waitpid(writer(), NULL, 0);
	pthread_join(thread, NULL);

	say("to write without a reader", open(name, O_WRONLY | O_NONBLOCK));
	say("to read without a writer", fd = open(name, O_RDONLY | O_NONBLOCK));
	close(fd);
	say("both", fd = open(name, O_RDWR));
	close(fd);
	struct stat st = { 0 };
	say("by name only", fd = open(name, O_PATH));
	fstat(fd, &st);
	printf("a FIFO: %d\n", S_ISFIFO(st.st_mode));
	close(fd);
	for (int i = 0; i < 5; i++)
		if (!(readers[i] = fork())) {
			open(name, O_RDONLY);
			_exit(0);
		}
	usleep(100000);
	for (int i = 0; i < 5; i++) {
		kill(readers[i], SIGKILL);
		waitpid(readers[i], NULL, 0);
	}
	say("when all readers are dead", open(plain, O_WRONLY | O_NONBLOCK));
	unlink(plain);
	return 0;
}
