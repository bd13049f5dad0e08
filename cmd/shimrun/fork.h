#include <stdlib.h>

int shimrun_may_run(int argc, char **argv);
