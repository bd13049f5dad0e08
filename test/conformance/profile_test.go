package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shimrun/shimrun/fakefs/cgroup"
	"github.com/shimrun/shimrun/test/conformance/cases"
)

// writeProfile completes testdata/conformance.yaml with the values that this
// machine's kernel has now, so that a served sysctl and the oracle say the same.
func writeProfile(name string) error {
	data, err := os.ReadFile("testdata/conformance.yaml")
	if err != nil {
		return err
	}
	text := string(data)
	fill := func(symbol, file string) error {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text = strings.ReplaceAll(text, "${"+symbol+"}", fmt.Sprintf("%q", strings.TrimSuffix(string(b), "\n")))
		return nil
	}
	for symbol, file := range cases.Real {
		if symbol == "one" {
			file += "/max_user_watches"
		}
		if symbol == "keys" {
			for _, key := range cases.Keys {
				if err := fill("keys/"+key, file+"/"+key); err != nil {
					return err
				}
			}
			continue
		}
		if err := fill(symbol, file); err != nil {
			return err
		}
	}
	return os.WriteFile(name, []byte(text), 0o644)
}

// writeUnified writes a profile that serves those controllers of cgroup v2 that the
// kernel has there: their files are compared.
func writeUnified(name string) error {
	var here []string
	if b, err := os.ReadFile(filepath.Join(unifiedMount(), "cgroup.controllers")); err == nil {
		here = strings.Fields(string(b))
	}
	var served []string
	for _, c := range cgroup.UnifiedControllers() {
		if slices.Contains(here, c) {
			served = append(served, c)
		}
	}
	if len(served) == 0 {
		served = []string{"pids"}
	}
	text := "name: unified\nextends: [gvisor]\ncgroups: {version: v2, when: always, root: /sys/kernel/shimunified, controllers: [" + strings.Join(served, ", ") + "]}\n"
	return os.WriteFile(name, []byte(text), 0o644)
}
