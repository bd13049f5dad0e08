package builtin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// runHooks runs hooks one after the other, with the container's state on their
// standard input. The first that fails ends it.
func runHooks(kind string, hooks []specs.Hook, state *specs.State) error {
	if len(hooks) == 0 {
		return nil
	}
	document, err := json.Marshal(state)
	if err != nil {
		return err
	}
	for i, hook := range hooks {
		if err := runHook(hook, document); err != nil {
			return fmt.Errorf("error running %s hook #%d: %w", kind, i, err)
		}
	}
	return nil
}

func runHook(hook specs.Hook, state []byte) error {
	ctx := context.Background()
	if hook.Timeout != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(*hook.Timeout)*time.Second)
		defer cancel()
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, hook.Path)
	if len(hook.Args) > 0 {
		cmd.Args = hook.Args
	}
	cmd.Env = hook.Env
	if cmd.Env == nil {
		cmd.Env = []string{} // and not our own
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(state), &stdout, &stderr
	// What it leaves behind may keep its output open.
	cmd.WaitDelay = 100 * time.Millisecond
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrWaitDelay):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s ran past timeout of %d s", hook.Path, *hook.Timeout)
	case err != nil:
		return fmt.Errorf("%s: %w, stdout: %s, stderr: %s", hook.Path, err, bytes.TrimSpace(stdout.Bytes()), bytes.TrimSpace(stderr.Bytes()))
	}
	return nil
}
