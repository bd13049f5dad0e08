// Does what a tracer can break, and prints a line for each: its name, a tab,
// and "ok" or what went wrong. With "spin" it is the program that is stopped,
// with "exit" and "die" the one that ends.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *self;

static void say(const char *what, int good) { printf("%s\t%s\n", what, good ? "ok" : "wrong"); fflush(stdout); }

static int ends(const char *how)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		execl(self, self, how, (char *)0);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}

// state is the letter in /proc/PID/stat.
static char state(pid_t pid)
{
	char path[64], letter = '?';
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	if (f && fscanf(f, "%*d %*s %c", &letter) != 1)
		letter = '?';
	if (f)
		fclose(f);
	return letter;
}

static void *other_thread(void *unused)
{
	execl(self, self, "exit", (char *)0);
	return unused;
}

static void stop_and_continue(void)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			usleep(1000);
	usleep(100000);
	kill(pid, SIGSTOP);
	pid_t seen = 0;
	for (int i = 0; i < 100 && seen == 0; i++) { // two seconds, and then no more
		seen = waitpid(pid, &status, WUNTRACED | WNOHANG);
		usleep(20000);
	}
	say("SIGSTOP is seen by the parent", seen == pid && WIFSTOPPED(status));
	usleep(300000);
	char letter = state(pid);
	say("and the program stays stopped", letter == 'T' || letter == 't');
	kill(pid, SIGCONT);
	kill(pid, SIGTERM);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

int main(int argc, char **argv)
{
	int status = 0;
	self = argv[0];
	if (argc > 1 && !strcmp(argv[1], "exit"))
		return 7;
	if (argc > 1 && !strcmp(argv[1], "die")) {
		raise(SIGTERM);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "thread")) {
		pthread_t thread;
		pthread_create(&thread, 0, other_thread, 0);
		pthread_join(thread, 0);
		return 1;
	}
	status = ends("exit");
	say("exit status", WIFEXITED(status) && WEXITSTATUS(status) == 7);
	status = ends("die");
	say("death by a signal", WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	status = ends("thread");
	say("exec by another thread than the first", WIFEXITED(status) && WEXITSTATUS(status) == 7);
	int children = 0;
	for (int i = 0; i < 200; i++)
		children += fork() == 0 ? (_exit(0), 0) : 1;
	while (wait(&status) > 0)
		children--;
	say("200 children at once", children == 0);
	stop_and_continue();
	return 0;
}
