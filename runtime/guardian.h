#ifndef SHIMRUN_GUARDIAN_H
#define SHIMRUN_GUARDIAN_H

/* What guardian.c and succession.c have in common. */

#include "start.h"

#define SHIMRUN_TRACER_DIED \
	"shimrun: the supervisor was killed, and as it was the command's tracer the kernel has ended that as well\n"

void shimrun_say(const char *text);

/* Take one message of the supervisor's; 0 when it is gone. */
int shimrun_hear(int socket);

/* Memory that processes share which are forked; NULL where there is none. */
void *shimrun_shared_memory(size_t size);

/* Note the death of a supervisor; 0 where they die too often. */
int shimrun_note_death(void);

/* No supervisor stays alive: let the kernel do every call, so that the program
 * goes on, if without the shim. Returns when the last program has ended. */
void shimrun_give_up(void);

#endif
