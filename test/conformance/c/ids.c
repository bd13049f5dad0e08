/* Says who it is and whether it can read a file: for setuid programs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY);
	printf("uid %d euid %d, open: errno %d\n", getuid(), geteuid(), fd < 0 ? errno : 0);
	return 0;
}
