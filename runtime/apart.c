/*
 * The kernel counts a process's time (RLIMIT_CPU), and kills it when that is
 * used up. Where the command's limit is ours too, what does most of the work does
 * it in processes of their own, one after the other. They share everything with
 * the supervisor but that account, so that nothing has to be handed over:
 *
 *	thread ── clone ─▶ process, on the same stack: serves until half is used up
 *	 (waits, as after vfork(2))   │
 *	thread ◀──────────────────────┘ _exit
 *	   └───── clone ─▶ the next process …
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "start.h"

/* In Go: serve; what it gives is whether to go on in another process. */
extern int shimrunServeApart(uintptr_t handle);

/* Clone without a call: the child returns from it first, and what it calls next
 * writes over the return address of whatever the parent returns from. */
static inline __attribute__((always_inline)) long clone_apart(void)
{
	const long flags = CLONE_VM | CLONE_VFORK | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_SYSVSEM;
#if defined(__x86_64__)
	long result = SYS_clone;
	register long child_tid __asm__("r10") = 0, tls __asm__("r8") = 0;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(flags), "S"(0L), "d"(0L), "r"(child_tid), "r"(tls)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long number __asm__("x8") = SYS_clone, result __asm__("x0") = flags;
	register long stack __asm__("x1") = 0, parent_tid __asm__("x2") = 0, tls __asm__("x3") = 0, child_tid __asm__("x4") = 0;

	__asm__ volatile("svc #0"
			 : "+r"(result)
			 : "r"(number), "r"(stack), "r"(parent_tid), "r"(tls), "r"(child_tid)
			 : "memory");
	return result;
#else
#error "clone_apart is for x86-64 and arm64"
#endif
}

enum { AT_WORK, DONE, GO_ON };

__attribute__((noinline, noreturn)) static void serve_apart(uintptr_t handle, pid_t supervisor, volatile int *state)
{
	/* Of the thread that cloned us, which ends with the supervisor. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != supervisor)
		_exit(1);
	*state = shimrunServeApart(handle) ? GO_ON : DONE;
	_exit(0);
}

int shimrun_apart(uintptr_t handle)
{
	pid_t supervisor = getpid();
	volatile int state;

	do {
		long pid;

		state = AT_WORK;
		pid = clone_apart();
		if (pid < 0)
			return -1;
		if (pid == 0)
			serve_apart(handle, supervisor, &state);
		/* ECHILD: a thread that waits for tracees has it. */
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
		/* Killed, or crashed: so has the supervisor. */
		if (state == AT_WORK)
			_exit(SHIMRUN_CRASHED);
	} while (state == GO_ON);
	return 0;
}
