/* Opens one file for ever, in several threads and a child. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void *loop(void *name)
{
	for (;;) {
		struct stat st;
		int fd = open(name, O_RDONLY);
		stat(name, &st);
		close(fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t t;
	pid_t parent = getpid();
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
	}
	for (int i = 0; i < 3; i++)
		pthread_create(&t, 0, loop, argv[1]);
	loop(argv[1]);
}
