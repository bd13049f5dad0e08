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
	usage := doc.GetUsage()
	if before, rest, found := strings.Cut(usage, "`"); found {
		placeholder, after, _ := strings.Cut(rest, "`")
		left += " " + placeholder
		usage = before + placeholder + after
	}
	if doc.TakesValue() && doc.GetDefaultText() != "" {
		usage += " (default: " + strings.Trim(doc.GetDefaultText(), `"`) + ")"
	}
	for _, variable := range doc.GetEnvVars() {
		usage += " [$" + variable + "]"
	}
	return left + "\t" + usage
}
