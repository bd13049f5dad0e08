package testcri

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// idle is what an image without a command does: nothing, until it is told to end.
var idle = []string{"/bin/sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait; done"}

// pipePatience is how long output is waited for after its writer has ended; what
// went to the background may hold the pipe for ever.
const pipePatience = time.Second

// command prepares a process of the container: its first one, or another.
func (c *container) command(argv []string) (*exec.Cmd, error) {
	env := c.environment()
	path, err := lookPath(argv[0], env["PATH"])
	if err != nil {
		return nil, err
	}
	dir, err := workDir(c.root(), c.config.WorkingDir)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{
		Path: path,
		Args: argv,
		Dir:  dir,
		// A session is how its processes are found again.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Credential: c.credential()},
		WaitDelay:   pipePatience,
	}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd, nil
}

func (c *container) argv() []string {
	argv := append(append([]string(nil), c.config.Command...), c.config.Args...)
	if len(argv) == 0 {
		return idle
	}
	return argv
}

func (c *container) environment() map[string]string {
	env := map[string]string{"PATH": defaultPath, "CONTAINER_ROOT": c.root()}
	if c.config.Tty {
		env["TERM"] = "xterm"
	}
	for _, pair := range c.config.Envs {
		env[pair.Key] = string(pair.Value)
	}
	return env
}

// credential is nil when there is nothing to change or no right to change it.
func (c *container) credential() *syscall.Credential {
	context := c.config.GetLinux().GetSecurityContext()
	uid := context.GetRunAsUser().GetValue()
	gid := context.GetRunAsGroup().GetValue()
	if os.Geteuid() != 0 || uid == 0 && gid == 0 {
		return nil
	}
	credential := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, group := range context.GetSupplementalGroups() {
		credential.Groups = append(credential.Groups, uint32(group))
	}
	return credential
}

// lookPath is exec.LookPath with the container's PATH.
func lookPath(name, path string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil // execve says what is wrong with it
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		info, err := os.Stat(file)
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("exec: %q: %w in $PATH", name, exec.ErrNotFound)
}

// exitCode is the status as a shell has it, and -1 when there was none.
func exitCode(state *os.ProcessState) int {
	if state == nil {
		return -1
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// stopSignal is the one that asks the container to end.
func stopSignal(config *runtimeapi.ContainerConfig) syscall.Signal {
	// The names have got a prefix with some version.
	if n := unix.SignalNum(strings.TrimPrefix(config.GetStopSignal().String(), "SIGNAL_")); n != 0 {
		return n
	}
	return syscall.SIGTERM
}

// startError is how runtimes say that a command could not be executed.
func startError(err error) (code int32) {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return 127
	}
	return 126
}
