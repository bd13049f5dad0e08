#include <string.h>

#include "fork.h"

/* The subcommands, and what else runs no command. */
static const char *const others[] = {
	"--help", "-h", "--version", "--stats",
	"agent", "bench", "checkpoint", "completion", "create", "delete", "doctor", "events", "exec", "features", "kill",
	"list", "man", "pause", "profile", "ps", "restore", "resume", "run", "spec", "start", "state", "update", "validate",
};

/* Whether a shell wants to know what could be typed. Then no word is obeyed,
 * wherever it stands, and this is the only place that decides it: the words are
 * those of a line that nobody has sent off. A variable that is set to nothing is
 * set here, for the answer to doubt is to run nothing. */
int shimrun_completes(int argc, char **argv)
{
	if (getenv(SHIMRUN_COMPLETE_VARIABLE))
		return 1;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], SHIMRUN_COMPLETE_WORD) == 0)
			return 1;
	return 0;
}

int shimrun_may_run(int argc, char **argv)
{
	if (argc < 2 || strncmp(argv[1], "-test.", 6) == 0 || shimrun_completes(argc, argv))
		return 0;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		for (size_t k = 0; k < sizeof(others) / sizeof(*others); k++)
			if (strcmp(argv[i], others[k]) == 0)
				return 0;
	return 1;
}
