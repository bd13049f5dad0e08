#include <string.h>

#include "fork.h"

/* The subcommands, and what else runs no command. */
static const char *const others[] = {
	"--help", "-h", "--version", "--stats",
	"agent", "bench", "completion", "create", "delete", "doctor", "events", "exec", "features", "kill", "list", "man",
	"pause", "profile", "ps", "resume", "run", "spec", "start", "state", "update", "validate",
};

int shimrun_may_run(int argc, char **argv)
{
	if (argc < 2 || strncmp(argv[1], "-test.", 6) == 0)
		return 0;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		for (size_t k = 0; k < sizeof(others) / sizeof(*others); k++)
			if (strcmp(argv[i], others[k]) == 0)
				return 0;
	return 1;
}
