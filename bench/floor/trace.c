/*
 * The floor of ptrace: the smallest tracer that does the work.
 *
 *	trace [--every yes] [--statfs exit] … -- COMMAND
 *
 * A RET_TRACE filter stops the trapped calls. For each it reads the registers
 * and the name, and lets the thread go on; for the served file it puts the name
 * of its own descriptor in place, and the registers back at the exit; for statfs
 * of the filesystem that is told as another one it writes its own statfs and
 * skips the call, or with "--statfs exit" lets the kernel do it and changes one
 * word at the exit.
 *
 * With "--every yes" there is no filter, and every call stops at its entry and
 * at its exit: the design that needs no seccomp, and that most first tries have.
 */
#include "supervise.h"
#include "registers.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

static int every, statfs_at_exit;
static char name[4096];

/* What is known of a thread, by its number. */
static struct thread {
	int inside;      /* with --every: between entry and exit, which look alike */
	int stops;       /* syscall stops up to the exit that is waited for, or 0 */
	registers saved;
	uint64_t poke;   /* where the kernel's answer has to be changed, or 0 */
} threads[1 << 12];

static struct thread *thread_of(pid_t pid) { return &threads[pid & ((1 << 12) - 1)]; }

/* Does an entry stop come after the filter's? In gVisor and old Linux. */
static int entry_after = -1;

static int memory_of(pid_t pid)
{
	static int fd = -1;
	static pid_t whose;
	char path[32];

	if (whose != pid) {
		close(fd);
		snprintf(path, sizeof path, "/proc/%d/mem", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		whose = pid;
	}
	return fd;
}

static ssize_t read_memory(pid_t pid, uint64_t address, void *buffer, size_t size)
{
	static int no_vm;
	ssize_t n;

	if (!no_vm) {
		n = vm_read(pid, address, buffer, size);
		if (n >= 0 || errno != ENOSYS)
			return n;
		no_vm = 1;
	}
	return pread(memory_of(pid), buffer, size, address);
}

/* Where process_vm_writev is missing only PTRACE_POKEDATA writes: a request a
 * word, so one read finds out which words are right already. */
static void write_memory(pid_t pid, uint64_t address, const void *data, size_t size)
{
	static int no_vm;
	static uint64_t is[512];
	const uint64_t *want = data;

	if (!no_vm) {
		if (vm_write(pid, address, data, size) >= 0 || errno != ENOSYS)
			return;
		no_vm = 1;
	}
	if (read_memory(pid, address, is, size) != (ssize_t)size)
		return;
	for (size_t i = 0; i < size / 8; i++)
		if (is[i] != want[i])
			ptrace(PTRACE_POKEDATA, pid, address + 8 * i, want[i]);
}

static void resume(pid_t pid, int signal)
{
	ptrace(every ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, signal);
}

/* at_exit lets the call be made, and comes back at its exit. */
static void at_exit(pid_t pid, registers *saved, uint64_t poke)
{
	struct thread *t = thread_of(pid);

	t->saved = *saved;
	t->poke = poke;
	t->stops = !every && entry_after == 1 ? 2 : 1;
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
}

static void entered(pid_t pid)
{
	registers regs, changed;
	long nr;
	int n;

	if (get_registers(pid, &regs))
		return;
	nr = call_number(&regs);
	n = nr >= 0 && nr < MOST_CALLS ? name_argument[nr] : 0;
	if (!n || read_memory(pid, *argument(&regs, n - 1), name, sizeof name) <= 0) {
		resume(pid, 0);
		return;
	}
	if (served && is_open(nr) && !strcmp(name, served)) {
		uint64_t below = (stack(&regs) - 128 - sizeof served_name) & ~7ULL;

		write_memory(pid, below, served_name, sizeof served_name);
		changed = regs;
		*argument(&changed, n - 1) = below;
		set_registers(pid, &changed);
		at_exit(pid, &regs, 0);
		return;
	}
	if (exact && nr != SYS_statfs)
		look(pid, n == 2 ? (int)*argument(&regs, 0) : AT_FDCWD, name);
	if (told_from && nr == SYS_statfs) {
		struct statfs st;

		if (every || statfs_at_exit) {
			at_exit(pid, &regs, *argument(&regs, 1));
			return;
		}
		if (!statfs(name, &st) && (unsigned long)st.f_type == told_from) {
			st.f_type = told_as;
			write_memory(pid, *argument(&regs, 1), &st, sizeof st);
			skip_call(pid, &regs);
			set_result(&regs, 0);
			set_registers(pid, &regs);
		}
	}
	resume(pid, 0);
}

/* exited ends what was begun at the entry. */
static void exited(pid_t pid)
{
	struct thread *t = thread_of(pid);
	registers regs;

	if (t->poke) {
		uint64_t type = 0;

		read_memory(pid, t->poke, &type, sizeof type);
		if (type == told_from)
			ptrace(PTRACE_POKEDATA, pid, t->poke, told_as);
	} else if (!get_registers(pid, &regs)) {
		set_result(&t->saved, result(&regs));
		set_registers(pid, &t->saved);
	}
	resume(pid, 0);
}

static void syscall_stop(pid_t pid)
{
	struct thread *t = thread_of(pid);
	registers regs;

	if (every)
		t->inside = !t->inside;
	if (!t->stops) {
		if (t->inside)
			entered(pid);
		else
			resume(pid, 0);
		return;
	}
	if (!every && entry_after < 0) {
		entry_after = !get_registers(pid, &regs) && result(&regs) == -ENOSYS;
		t->stops += entry_after;
	}
	if (--t->stops > 0)
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
	else
		exited(pid);
}

static void stopped(pid_t pid, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (signal == (SIGTRAP | 0x80))
		syscall_stop(pid);
	else if (event == PTRACE_EVENT_SECCOMP)
		entered(pid);
	else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
		ptrace(PTRACE_LISTEN, pid, 0, 0);
	else
		resume(pid, event ? 0 : signal);
}

int main(int argc, char **argv)
{
	long follow = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
		      PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int pair[2], status, end = 0;
	pid_t command, pid;
	char byte = 0;

	(void)argc;
	while (argv[1] && argv[2]) {
		if (!strcmp(argv[1], "--every"))
			every = 1;
		else if (!strcmp(argv[1], "--statfs"))
			statfs_at_exit = 1;
		else
			break;
		argv += 2;
	}
	argv = options(argv);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	command = fork();
	if (command == 0) {
		if (read(pair[1], &byte, 1) != 1)
			_exit(125);
		if (!every && load(SECCOMP_RET_TRACE, 0))
			die("seccomp");
		execvp(argv[0], argv);
		die(argv[0]);
	}
	if (!every)
		follow |= PTRACE_O_TRACESECCOMP;
	if (ptrace(PTRACE_SEIZE, command, 0, follow))
		die("ptrace");
	if (every)
		ptrace(PTRACE_INTERRUPT, command, 0, 0);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP }, NULL);
	if (write(pair[0], &byte, 1) != 1)
		die("write");

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			stopped(pid, status);
		else if (pid == command)
			end = status;
	}
	ends(end);
}
