/* A stopped thread's registers, as far as a system call is concerned. */
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#if defined(__x86_64__)
typedef struct user_regs_struct registers;

static inline long get_registers(pid_t pid, registers *r) { return ptrace(PTRACE_GETREGS, pid, 0, r); }
static inline long set_registers(pid_t pid, registers *r) { return ptrace(PTRACE_SETREGS, pid, 0, r); }
static inline long call_number(registers *r) { return r->orig_rax; }
static inline uint64_t stack(registers *r) { return r->rsp; }
static inline long result(registers *r) { return r->rax; }
static inline void set_result(registers *r, long value) { r->rax = value; }
static inline void skip_call(pid_t pid, registers *r) { (void)pid; r->orig_rax = -1; }

static inline unsigned long long *argument(registers *r, int n)
{
	switch (n) {
	case 0: return &r->rdi;
	case 1: return &r->rsi;
	case 2: return &r->rdx;
	}
	return &r->r10;
}
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;

static inline long get_registers(pid_t pid, registers *r)
{
	struct iovec all = { r, sizeof *r };

	return ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all);
}

static inline long set_registers(pid_t pid, registers *r)
{
	struct iovec all = { r, sizeof *r };

	return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all);
}

static inline long call_number(registers *r) { return r->regs[8]; }
static inline uint64_t stack(registers *r) { return r->sp; }
static inline long result(registers *r) { return r->regs[0]; }
static inline void set_result(registers *r, long value) { r->regs[0] = value; }

static inline void skip_call(pid_t pid, registers *r)
{
	int none = -1;
	struct iovec number = { &none, sizeof none };

	(void)r;
	ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &number);
}

static inline unsigned long long *argument(registers *r, int n) { return &r->regs[n]; }
#endif
