// Package configfile reads k3s's configuration file, whose keys are flags.
package configfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Default is read where no other is named, if it is there.
const Default = "/etc/rancher/k3s/config.yaml"

// Expand returns a command's arguments with the file's before the user's own,
// which so win, and without the flag that names the file.
func Expand(args []string) ([]string, error) {
	path, args := named(args)
	text, err := os.ReadFile(cmp.Or(path, Default))
	if path == "" && errors.Is(err, fs.ErrNotExist) {
		return args, nil
	}
	if err != nil {
		return nil, err
	}
	flags, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmp.Or(path, Default), err)
	}
	return append(flags, args...), nil
}

// named finds --config or -c.
func named(args []string) (path string, rest []string) {
	for i := 0; i < len(args); i++ {
		name, value, ok := strings.Cut(args[i], "=")
		switch {
		case name != "--config" && name != "-c":
			rest = append(rest, args[i])
		case ok:
			path = value
		case i+1 < len(args):
			i++
			path = args[i]
		}
	}
	return path, rest
}

// parse makes flags of keys; a list is a flag that is given several times.
func parse(text []byte) (flags []string, err error) {
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	for key, value := range file {
		values, isList := value.([]any)
		if !isList {
			values = []any{value}
		}
		for _, value := range values {
			flags = append(flags, fmt.Sprintf("--%s=%v", strings.TrimSuffix(key, "+"), value))
		}
	}
	// In the order of the names; a list keeps its own.
	slices.SortStableFunc(flags, func(x, y string) int {
		x, _, _ = strings.Cut(x, "=")
		y, _, _ = strings.Cut(y, "=")
		return strings.Compare(x, y)
	})
	return flags, nil
}
