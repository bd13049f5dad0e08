package main

// The file fork.c tells, before Go starts, whether a shell asks for completions,
// and guesses whether a command line runs a command; see package runtime. A wrong
// guess costs milliseconds and nothing else.

// #include "fork.h"
import "C"

import "unsafe"

// How a completion script asks.
const (
	completionVariable = C.SHIMRUN_COMPLETE_VARIABLE
	completionWord     = C.SHIMRUN_COMPLETE_WORD
)

// completes tells whether a shell asks for completions.
func completes(args []string) bool {
	argv, free := cArguments(args)
	defer free()
	return C.shimrun_completes(C.int(len(args)), argv) != 0
}

// mayRun is the guess.
func mayRun(args []string) bool {
	argv, free := cArguments(args)
	defer free()
	return C.shimrun_may_run(C.int(len(args)), argv) != 0
}

func cArguments(args []string) (argv **C.char, free func()) {
	words := make([]*C.char, len(args)+1)
	for i, arg := range args {
		words[i] = C.CString(arg)
	}
	return &words[0], func() {
		for _, word := range words {
			C.free(unsafe.Pointer(word))
		}
	}
}
