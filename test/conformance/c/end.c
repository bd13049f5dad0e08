/* Ends as it is told: exit N or kill N. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	if (!strcmp(argv[1], "exit"))
		exit(atoi(argv[2]));
	kill(getpid(), atoi(argv[2]));
	pause();
	return 1;
}
