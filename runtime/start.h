#ifndef SHIMRUN_START_H
#define SHIMRUN_START_H

#include <stddef.h>
#include <stdint.h>

/* What the caller gave this process, as found before the Go runtime changed
 * any of it. */
struct shimrun_caller {
	uint64_t blocked;	/* signal mask; bit n-1 is signal n */
	uint64_t ignored;	/* signals whose disposition is SIG_IGN */
	uint32_t closed;	/* bit n: descriptor n (0 to 2) is not open */
	int32_t role;		/* SHIMRUN_COMMAND, … */
	char **envp;		/* the environment, as execve(2) brought it */
};

enum {
	SHIMRUN_COMMAND,	/* an ordinary start */
	SHIMRUN_SUPERVISOR,	/* we are the supervisor, daemonised already */
	SHIMRUN_LAUNCHER,	/* started for one plan, by a process that has it */
	SHIMRUN_PROBE,		/* the command of a probe */
	SHIMRUN_WITHIN,		/* what a container's runtime starts, see package delegate */
};

extern struct shimrun_caller shimrun_caller;

/* What a supervisor knows that was forked from a launcher; socket is -1 in any
 * other process. */
struct shimrun_launcher {
	int32_t socket;		/* to the launcher, which waits for an order */
	int32_t pid;		/* the launcher's */
	int32_t *open;		/* what the launcher's caller had open, … */
	int32_t count;		/* … so many descriptors */
};

extern struct shimrun_launcher shimrun_launcher;

/* Fork a supervisor. Returns in it, and in the launcher when that is to go on
 * as an ordinary process; otherwise the launcher becomes the command. */
void shimrun_launch(int argc, char **argv, char **envp);

/* A word in a launcher's memory, which the supervisor tries to read. */
extern const uint64_t shimrun_landmark;

/* What a supervisor tells a launcher to do, in one packet. After it come length
 * bytes of filter program (NOTIFY, TRACE) or text (EXIT), and then the command:
 * its file and its arguments, each with its NUL; where those are too long, they
 * are in a memory file that comes along. */
struct shimrun_order {
	int32_t kind;
	int32_t number;		/* EXIT: status; NOTIFY, TRACE: the probe's call */
	uint32_t flags;		/* NOTIFY: of seccomp(2) */
	uint32_t length;
	int64_t supervisor;	/* the process that serves from now on; 0: none */
	uint64_t arguments[6];	/* NOTIFY, TRACE: of the probe's call */
	uint64_t greeting;	/* NOTIFY: what that call has to give */
};

enum {
	SHIMRUN_ASIDE = 1,	/* no run: go on as an ordinary process */
	SHIMRUN_EXIT,		/* say the text, and end */
	SHIMRUN_BECOME,		/* execute the command */
	SHIMRUN_NOTIFY,		/* load the filter, answer with its listener, make the probe's call, become the command */
	SHIMRUN_ATTACH,		/* let the supervisor be the tracer, and answer */
	SHIMRUN_TRACE,		/* load the filter, make the probe's call, and answer */
};

/* What a launcher answers. */
struct shimrun_answer {
	int32_t error;		/* errno, or 0 */
	int32_t where;		/* SHIMRUN_LOADING, … */
	uint32_t flags;		/* NOTIFY: those of the listener that comes along */
};

enum {
	SHIMRUN_LOADING = 1,	/* seccomp(2) */
	SHIMRUN_PROBING,	/* the probe's call */
	SHIMRUN_BECOMING,	/* execve(2) */
};

/* The largest packet: a program of BPF_MAXINSNS instructions, and a command. */
#define SHIMRUN_PACKET (64 << 10)

/* What has become of a launcher's obedience. */
struct shimrun_obeyed {
	int32_t kind;		/* ASIDE, EXIT, BECOME, or 0: the supervisor is gone */
	int32_t status;		/* EXIT */
	int32_t traced;		/* a filter was loaded that a tracer answers */
	int64_t supervisor;	/* BECOME: who serves; 0: nobody */
	char *text;		/* EXIT: what to say; BECOME: file and arguments */
	size_t length;
};

/* Obey the supervisor behind a socket until it is done with us. */
struct shimrun_obeyed shimrun_obey(int socket);

/* What a supervisor tells its guardian. */
struct shimrun_charge {
	int32_t kind;
	int32_t command;	/* SHIMRUN_ARM: the command's process */
	uint32_t flags;		/* SHIMRUN_ARM: seccomp.Flags of the listener */
};

/* The size of a journal, see package seccomp. */
#define SHIMRUN_JOURNAL (512 * 512)

/* The size of a ledger, see package shim. */
#define SHIMRUN_LEDGER (8192 * 256)

/* As much of a plan as comes in one packet. */
#define SHIMRUN_PIECE (32 << 10)

enum {
	SHIMRUN_ARM = 1,	/* with a descriptor, the listener */
	SHIMRUN_LET_GO = 2,	/* of standard error */
	SHIMRUN_READY = 3,	/* it hears of the launcher's end by itself */
	SHIMRUN_PLAN = 4,	/* with a piece of the plan behind it */
	SHIMRUN_KEEP = 5,	/* with a descriptor for the next one, at place command */
	SHIMRUN_TRACES = 6,	/* it is the command's tracer, and cannot be replaced */
};

/* The descriptors that go from one supervisor to the next. */
enum {
	SHIMRUN_LISTENER,
	SHIMRUN_FRONT,		/* the connection of whoever wants figures */
	SHIMRUN_MADE,		/* the mounts of what is handed out: nowhere in package shim */
	SHIMRUN_SEEN,
	SHIMRUN_KEPT,		/* so many */
};

/* So many deaths within so many seconds are no accident. */
#define SHIMRUN_DEATHS 30
#define SHIMRUN_SECONDS 10

/* What is left from one supervisor to the next, with journal and plan besides,
 * and is told to a guardian that is started. */
struct shimrun_legacy {
	struct shimrun_charge charge;
	int32_t kept[SHIMRUN_KEPT];	/* descriptors, or -1 */
	int32_t traces;
	uint64_t length;		/* of the plan */
	uint64_t deaths;		/* so many supervisors died, … */
	int64_t died[SHIMRUN_DEATHS];	/* … at these seconds, of the last ones */
};

/* What a supervisor finds: its guardian, and what its predecessor left. None of
 * it is in a file: RLIMIT_FSIZE counts for memory files as well. */
struct shimrun_guardian {
	int32_t socket;
	int32_t generation;	/* 0: the first; the charge is not filled in */
	int32_t error;		/* what standard error is, while the Go runtime starts */
	int32_t pid;		/* a guardian that this process has forked, or 0 */
	struct shimrun_legacy legacy;
	char *journal;		/* memory that all of them share, … */
	char *ledger;		/* … and this as well; NULL where there is none */
	char *plan;
};

extern struct shimrun_guardian shimrun_guardian;

/* Become a guardian; returns in each supervisor that it forks. */
void shimrun_guard(void);

/* The same for one that was started with what another left: by
 *	shimrun-guardian
 * with that in descriptor SHIMRUN_STREAM. */
void shimrun_guard_on(void);
#define SHIMRUN_STREAM 3

/* Fork a guardian in place of one that has died; -1 where there can be none.
 * Should this process die, that one starts this program anew, with an environment. */
int shimrun_guard_anew(char **envp);

/* Have what the guardian has of the plan here as well. */
int shimrun_keep_plan(const char *piece, size_t length);

/* The exit status of the Go runtime's panics. */
#define SHIMRUN_CRASHED 2

/* Have Go serve what the handle stands for in processes of their own; -1 where
 * there can be none. */
int shimrun_apart(uintptr_t handle);

/* Belong to nobody: a session of our own, no signals but deadly ones. */
void shimrun_stand_apart(void);

void shimrun_close_from(int first);

/* Have limits of our own, as far as the kernel lets us: limits.c. */
void shimrun_lift_limits(void);

/* Have threads with small stacks, which count as memory. */
void shimrun_spare_stacks(void);

/* Whether there can be as much memory and as many threads as a supervisor has:
 * it would start with less, and crash when it is in use. */
int shimrun_has_enough(void);

/* Say why there is no supervisor, and which limits may be to blame; gives the
 * length of that. */
size_t shimrun_failure(char *text, size_t size, const char *why);

#endif
