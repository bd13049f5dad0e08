package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/shimrun/shimrun/fakefs"
)

// settingsOf are the arguments that a command takes from its configuration. A file
// that cannot be read settles nothing: the command will say what it thinks of it.
func settingsOf(a fakefs.Argument, command []string) (flags []string) {
	file := configOf(a, command)
	files := []string{file}
	for _, ending := range []string{"yaml", "yml"} {
		more, _ := filepath.Glob(file + ".d/*." + ending)
		files = append(files, more...)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		settings := map[string]any{}
		if yaml.Unmarshal(text, &settings) != nil {
			continue
		}
		for key, value := range settings {
			flag := "--" + strings.TrimSuffix(key, "+")
			list, is := value.([]any)
			if !is {
				list = []any{value}
			}
			for _, item := range list {
				flags = append(flags, fmt.Sprintf("%s=%v", flag, item))
			}
		}
	}
	slices.Sort(flags)
	return flags
}

// configOf is where a command reads its configuration.
func configOf(a fakefs.Argument, command []string) string {
	if a.Environment != "" {
		if file := os.Getenv(a.Environment); file != "" {
			return file
		}
	}
	for i, word := range command {
		for _, flag := range a.Flags {
			if file, found := strings.CutPrefix(word, flag+"="); found {
				return file
			}
			if word == flag && i+1 < len(command) {
				return command[i+1]
			}
		}
	}
	return a.Config
}
