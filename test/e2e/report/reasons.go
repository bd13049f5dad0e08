package main

import (
	"fmt"
	"regexp"
	"strings"
)

// reason says why some tests cannot be passed.
type reason struct {
	lack  string // netfilter, nodes, registry
	why   string
	names []*regexp.Regexp
}

// parseReasons reads headings "= LACK: WHY", each with expressions below it.
func parseReasons(text string) (list []reason, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '=':
			lack, why, ok := strings.Cut(strings.TrimSpace(line[1:]), ": ")
			if !ok {
				return nil, fmt.Errorf("%q is no heading", line)
			}
			list = append(list, reason{lack: lack, why: why})
		case len(list) == 0:
			return nil, fmt.Errorf("%q has no reason above it", line)
		default:
			name, err := regexp.Compile(line)
			if err != nil {
				return nil, err
			}
			last := &list[len(list)-1]
			last.names = append(last.names, name)
		}
	}
	return list, nil
}

// of finds the reason for a test.
func of(list []reason, name string) *reason {
	for i := range list {
		for _, expression := range list[i].names {
			if expression.MatchString(name) {
				return &list[i]
			}
		}
	}
	return nil
}
