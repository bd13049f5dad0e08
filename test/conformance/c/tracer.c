/* Traces a child of its own, as strace and debuggers do. */
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(5);
	}
	int status;
	waitpid(pid, &status, 0);
	printf("first %#x\n", status);
	int stops = 0;
	while (!WIFEXITED(status)) {
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
		waitpid(pid, &status, 0);
		stops++;
	}
	printf("last %#x, more than two stops: %d\n", status, stops > 2);
	return 0;
}
