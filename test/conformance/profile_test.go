package conformance

import (
	"fmt"
	"os"
	"strings"

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
