package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/fakefs"
)

// The profile that the README shows has to be one.
func TestReadmeShowsAProfile(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no profile")
	}
	for _, block := range blocks {
		if _, err := fakefs.Parse("README.md", block[1]); err != nil {
			t.Error(err)
		}
	}
}

// docs/cli.md has every flag, variable and subcommand, as --help does.
func TestCommandLineIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(io.Discard, io.Discard)
	var names []string
	for _, flag := range app.Flags {
		names = append(names, "`--"+flag.Names()[0])
		if doc, ok := flag.(cli.DocGenerationFlag); ok {
			for _, variable := range doc.GetEnvVars() {
				names = append(names, "`"+variable+"`")
			}
		}
	}
	for _, command := range app.Commands {
		names = append(names, "shimrun "+command.Name)
	}
	for _, name := range names {
		if !strings.Contains(string(text), name) {
			t.Errorf("docs/cli.md does not know %s", name)
		}
	}
}
