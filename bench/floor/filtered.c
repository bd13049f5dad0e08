/*
 * Runs a command under a filter that stops nothing, to find out what a filter
 * costs the calls that it lets pass.
 *
 *	filtered [--tracer yes] KIND [SIZE|FILE] -- COMMAND
 *
 * KIND is none (no filter); allow (one instruction); numbers (SIZE comparisons
 * of the call's number); argument (for one number that is not called, an
 * argument is compared); arguments (every call's first argument is read);
 * program (FILE has it, as an array of struct sock_filter).
 * With a tracer the command is seized, as under the ptrace backend, and the
 * verdict on what matches is RET_TRACE.
 */
#include "supervise.h"
#include "registers.h"

#define RULE(...) code[n++] = (struct sock_filter)__VA_ARGS__
#define UNUSED_CALL 9999

static long install(const char *kind, const char *detail, unsigned verdict)
{
	static struct sock_filter code[4096];
	struct sock_fprog program = { .filter = code };
	int n = 0, size = atoi(detail);

	if (!strcmp(kind, "none"))
		return 0;
	if (!strcmp(kind, "program")) {
		int fd = open(detail, O_RDONLY | O_CLOEXEC);

		n = read(fd, code, sizeof code) / (int)sizeof *code;
		close(fd);
	}
	if (!strcmp(kind, "arguments"))
		RULE(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])));
	if (!strncmp(kind, "argument", 8) || !strcmp(kind, "numbers"))
		RULE(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	if (!strcmp(kind, "numbers")) {
		for (int i = 0; i < size; i++) {
			RULE(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UNUSED_CALL + i, 0, 1));
			RULE(BPF_STMT(BPF_RET | BPF_K, verdict));
		}
	}
	if (!strcmp(kind, "argument")) {
		RULE(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_lseek, 0, 3));
		RULE(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])));
		RULE(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 77, 0, 1));
		RULE(BPF_STMT(BPF_RET | BPF_K, verdict));
	}
	if (strcmp(kind, "program"))
		RULE(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	program.len = n;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* trace seizes the command and lets it go on whatever it stops for. */
static void trace(pid_t command, int socket)
{
	int status, end = 0;
	pid_t pid;

	if (ptrace(PTRACE_SEIZE, command, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL))
		die("ptrace");
	if (write(socket, "", 1) != 1)
		die("write");
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			ptrace(PTRACE_CONT, pid, 0, status >> 16 ? 0 : WSTOPSIG(status));
		else
			end = status;
	}
	ends(end);
}

int main(int argc, char **argv)
{
	const char *kind, *detail = "1";
	int tracer = 0, pair[2];
	pid_t command;
	char byte;

	(void)argc;
	if (argv[1] && !strcmp(argv[1], "--tracer")) {
		tracer = 1;
		argv += 2;
	}
	kind = *++argv;
	if (argv[1] && strcmp(argv[1], "--"))
		detail = *++argv;
	argv += 2;
	if (!tracer) {
		if (install(kind, detail, SECCOMP_RET_ERRNO))
			die("seccomp");
		execvp(argv[0], argv);
		die(argv[0]);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	command = fork();
	if (command == 0) {
		if (read(pair[1], &byte, 1) != 1)
			_exit(125);
		if (install(kind, detail, SECCOMP_RET_TRACE))
			die("seccomp");
		execvp(argv[0], argv);
		die(argv[0]);
	}
	trace(command, pair[0]);
}
