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

#endif
