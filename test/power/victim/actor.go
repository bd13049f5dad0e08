package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/test/power/acts"
)

// actor tries what it is asked to, until its questions end.
func actor(args []string) error {
	scene, err := sceneOf(args[0])
	if err != nil {
		return err
	}
	syscall.Umask(0)
	fmt.Println("ready")
	for questions := bufio.NewScanner(os.Stdin); questions.Scan(); {
		act, err := acts.Find(questions.Text())
		if err != nil {
			return err
		}
		fmt.Println(try(act, scene, args[0]))
	}
	return nil
}

func sceneOf(text string) (*acts.Scene, error) {
	var scene acts.Scene
	return &scene, json.Unmarshal([]byte(text), &scene)
}

// try tries an act on a thread that ends with it, with all that it took on.
func try(act *acts.Act, scene *acts.Scene, text string) string {
	if act.Own != 0 || act.Alone {
		return apart(act, text)
	}
	outcome := make(chan string)
	go func() {
		runtime.LockOSThread()
		outcome <- act.Do(scene)
	}()
	return <-outcome
}

// apart tries an act in a process of its own.
func apart(act *acts.Act, text string) string {
	cmd := within(act.Own, "alone", text, act.Name)
	out, err := cmd.Output()
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return unix.ErrnoName(errno) // the namespaces are refused
	case err != nil:
		return "died"
	}
	return strings.TrimSuffix(string(out), "\n")
}

// alone tries acts in this process and prints what came of each.
//
//	victim alone SCENE ACT…
func alone(args []string) error {
	runtime.LockOSThread()
	scene, err := sceneOf(args[0])
	if err != nil {
		return err
	}
	syscall.Umask(0)
	for _, name := range args[1:] {
		act, err := acts.Find(name)
		if err != nil {
			return err
		}
		fmt.Println(act.Do(scene))
	}
	return nil
}
