package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// flagHelp is one flag in --help: names and placeholder, a tab, and what it
// does. The library's own text repeats the flag for each alias and for lists.
func flagHelp(f cli.Flag) string {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	var names []string
	for _, name := range f.Names() {
		names = append(names, strings.Repeat("-", min(len(name), 2))+name)
	}
	left := strings.Join(names, ", ")
	before, placeholder, after := cutPlaceholder(doc.GetUsage())
	if placeholder != "" {
		left += " " + placeholder
	}
	usage := before + placeholder + after
	if doc.TakesValue() && doc.GetDefaultText() != "" {
		usage += " (default: " + strings.Trim(doc.GetDefaultText(), `"`) + ")"
	}
	for _, variable := range doc.GetEnvVars() {
		usage += " [$" + variable + "]"
	}
	return left + "\t" + usage
}

// cutPlaceholder takes a flag's usage apart around what it calls its value.
func cutPlaceholder(usage string) (before, placeholder, after string) {
	before, rest, _ := strings.Cut(usage, "`")
	placeholder, after, _ = strings.Cut(rest, "`")
	return before, placeholder, after
}
