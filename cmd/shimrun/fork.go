package main

// The file fork.c guesses whether a command line runs a command, before Go
// starts; see package runtime. A wrong guess costs milliseconds and nothing else.

// #include "fork.h"
import "C"

import "unsafe"

// mayRun is that guess.
func mayRun(args []string) bool {
	argv := make([]*C.char, len(args)+1)
	for i, arg := range args {
		argv[i] = C.CString(arg)
		defer C.free(unsafe.Pointer(argv[i]))
	}
	return C.shimrun_may_run(C.int(len(args)), &argv[0]) != 0
}
