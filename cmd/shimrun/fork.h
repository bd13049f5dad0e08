#include <stdlib.h>

/* How a completion script asks: the variable is set, or the word is there. */
#define SHIMRUN_COMPLETE_VARIABLE "SHIMRUN_COMPLETE"
#define SHIMRUN_COMPLETE_WORD "--generate-bash-completion"

int shimrun_completes(int argc, char **argv);
int shimrun_may_run(int argc, char **argv);
