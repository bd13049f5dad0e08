package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime/builtin"
	"github.com/shimrun/shimrun/runtime/container"
)

// builtinUpdate changes the limits in the groups of a container that mode builtin made.
func builtinUpdate(c *cli.Context, made *container.Container) error {
	spec, err := made.LoadSpec()
	if err != nil {
		return err
	}
	change, err := updatedResources(c)
	if err != nil {
		return err
	}
	return builtin.Update(spec, change)
}

// updatedResources are what `update` is to change: a file's, or else the flags'.
func updatedResources(c *cli.Context) (*specs.LinuxResources, error) {
	r := &specs.LinuxResources{Memory: &specs.LinuxMemory{}, CPU: &specs.LinuxCPU{}, Pids: &specs.LinuxPids{}, BlockIO: &specs.LinuxBlockIO{}}
	if name := c.String("resources"); name != "" {
		in := io.Reader(os.Stdin)
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			in = f
		}
		if err := json.NewDecoder(in).Decode(r); err != nil {
			return nil, fmt.Errorf("--resources %s: %w", name, err)
		}
		return r, nil
	}
	r.CPU.Cpus, r.CPU.Mems = c.String("cpuset-cpus"), c.String("cpuset-mems")
	for flag, take := range map[string]func(int64){
		"cpu-period":         func(n int64) { r.CPU.Period = unsigned(n) },
		"cpu-share":          func(n int64) { r.CPU.Shares = unsigned(n) },
		"cpu-burst":          func(n int64) { r.CPU.Burst = unsigned(n) },
		"cpu-quota":          func(n int64) { r.CPU.Quota = &n },
		"memory":             func(n int64) { r.Memory.Limit = &n },
		"memory-reservation": func(n int64) { r.Memory.Reservation = &n },
		"memory-swap":        func(n int64) { r.Memory.Swap = &n },
		"pids-limit":         func(n int64) { r.Pids.Limit = &n },
		"blkio-weight":       func(n int64) { weight := uint16(n); r.BlockIO.Weight = &weight },
	} {
		if !c.IsSet(flag) {
			continue
		}
		n, err := parseAmount(c.String(flag))
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", flag, err)
		}
		take(n)
	}
	for _, flag := range []string{"cpu-rt-period", "cpu-rt-runtime", "l3-cache-schema", "mem-bw-schema"} {
		if c.IsSet(flag) {
			return nil, unsupported("--"+flag+" in mode builtin", "mode builtin does not set it")
		}
	}
	return r, nil
}

func unsigned(n int64) *uint64 { u := uint64(n); return &u }

// parseAmount reads a number, of bytes with a unit of 1024 to a power after it, "512M".
func parseAmount(text string) (int64, error) {
	number, factor := strings.TrimRight(strings.ToLower(text), "b"), int64(1)
	if number != "" {
		if i := strings.IndexByte("kmgt", number[len(number)-1]); i >= 0 {
			number, factor = number[:len(number)-1], 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return n * factor, nil
}
