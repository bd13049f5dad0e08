#ifndef SHIMRUN_START_H
#define SHIMRUN_START_H

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
	SHIMRUN_LAUNCHER,	/* started by a process that waits for the command */
	SHIMRUN_PROBE,		/* the command of a probe */
};

extern struct shimrun_caller shimrun_caller;

/* What a supervisor tells its guardian. */
struct shimrun_charge {
	int32_t kind;
	int32_t command;	/* SHIMRUN_ARM: the command's process */
	uint32_t flags;		/* SHIMRUN_ARM: seccomp.Flags of the listener */
};

enum {
	SHIMRUN_ARM = 1,	/* with two descriptors: listener and journal */
	SHIMRUN_LET_GO = 2,	/* of standard error */
};

/* What a supervisor finds: its guardian, and what its predecessor left. */
struct shimrun_guardian {
	int32_t socket;
	int32_t generation;	/* 0: the first; the charge is not filled in */
	int32_t listener, journal;
	struct shimrun_charge charge;
};

extern struct shimrun_guardian shimrun_guardian;

/* Become a guardian; returns in each supervisor that it forks. */
void shimrun_guard(void);

#endif
