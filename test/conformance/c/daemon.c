/* Leaves a daemon behind: it waits until its parent is gone, goes on reading,
   and writes what it saw to a file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (fork())
		return 3;
	setsid();
	int null = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	FILE *out = fopen(argv[2], "w");
	for (int i = 0; i < 10; i++) {
		usleep(100000);
		char buf[100] = "nothing\n";
		int fd = open(argv[1], O_RDONLY);
		if (fd >= 0) {
			long n = read(fd, buf, sizeof buf - 1);
			buf[n > 0 ? n : 0] = 0;
			close(fd);
		}
		fputs(buf, out);
		fflush(out);
	}
	fputs("end\n", out);
	fclose(out);
	return 0;
}
