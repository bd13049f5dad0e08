/* Signals arrive while calls are made. None of these calls can be interrupted:
   whoever sees EINTR sees the shim. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static volatile int seen;
static void on(int s) { seen++; }

int main(int argc, char **argv)
{
	for (int restart = argv[3][0] - '0', once = 1; once; once = 0) {
		struct sigaction sa = {.sa_handler = on, .sa_flags = restart ? SA_RESTART : 0};
		sigaction(SIGALRM, &sa, 0);
		struct itimerval every = {{0, 5000}, {0, 5000}}, none = {{0, 0}, {0, 0}};
		setitimer(ITIMER_REAL, &every, 0);
		int good = 0, eintr = 0, other = 0;
		seen = 0;
		for (int i = 0; i < 1000 || (seen < 20 && i < 200000); i++) {
			char buf[100];
			struct stat st;
			int fd = open(i % 2 ? argv[1] : argv[2], O_RDONLY);
			if (fd < 0) {
				errno == EINTR ? eintr++ : other++;
				continue;
			}
			if (i % 2 && read(fd, buf, sizeof buf) != 6)
				other++;
			close(fd);
			if (stat(argv[1], &st) < 0)
				errno == EINTR ? eintr++ : other++;
			good++;
		}
		setitimer(ITIMER_REAL, &none, 0);
		printf("restart %d: all good %d, EINTR %d, other %d, signals came %d\n", restart, good >= 1000, eintr, other, seen >= 20);
	}
	return 0;
}
