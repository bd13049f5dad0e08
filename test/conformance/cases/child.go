package cases

import (
	"os/exec"
	"time"
)

// sleeper starts a process that does nothing until it is killed.
func (r *Record) sleeper() *exec.Cmd { return r.started("/bin/sleep", "1000") }

// spinner starts one that uses a processor.
func (r *Record) spinner() *exec.Cmd {
	return r.started("/bin/sh", "-c", "while :; do :; done")
}

func (r *Record) started(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	must("start", cmd.Start())
	r.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// wait repeats a look until it is satisfied, for as long as a busy machine may take.
func (r *Record) wait(satisfied func() bool) {
	for end := time.Now().Add(30 * time.Second); !satisfied() && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
}
