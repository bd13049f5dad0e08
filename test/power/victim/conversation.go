package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/shimrun/shimrun/test/power/acts"
)

// A conversation is one with an actor.
type conversation struct {
	cmd      *exec.Cmd
	question *os.File
	answer   *os.File
	lines    *bufio.Reader
}

func converse(scene *acts.Scene) (*conversation, error) {
	text, err := json.Marshal(scene)
	if err != nil {
		return nil, err
	}
	hear, question, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	answer, speak, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0], "become", scene.Caller, string(text))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = hear, speak, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c := &conversation{cmd, question, answer, bufio.NewReader(answer)}
	err = cmd.Start()
	hear.Close()
	speak.Close()
	if err != nil {
		return nil, err
	}
	// The first word shows that the caller can be had here.
	if _, err := c.read(20 * time.Second); err != nil {
		c.end()
		return nil, fmt.Errorf("%s cannot be had here: %w", scene.Caller, err)
	}
	return c, nil
}

func (c *conversation) ask(act string, patience time.Duration) (string, error) {
	if _, err := fmt.Fprintln(c.question, act); err != nil {
		return "", err
	}
	return c.read(patience)
}

func (c *conversation) read(patience time.Duration) (string, error) {
	if err := c.answer.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	line, err := c.lines.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// end ends an actor and all that it started.
func (c *conversation) end() {
	if c == nil {
		return
	}
	c.question.Close()
	c.answer.Close()
	_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	_ = c.cmd.Wait()
}
