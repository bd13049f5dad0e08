package main

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/fakefs"
)

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	blockName = regexp.MustCompile(`^# (\S+\.yaml)\n`)
)

// The profile that the README shows has to be one.
func TestReadmeShowsAProfile(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllSubmatch(text, -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no profile")
	}
	for _, block := range blocks {
		if _, err := fakefs.Parse("README.md", block[1]); err != nil {
			t.Error(err)
		}
	}
}

// Every example in docs/profiles.md is a whole profile that a run would take.
// The first line may name its file, for others to extend.
func TestProfileExamplesAreProfiles(t *testing.T) {
	text, err := os.ReadFile("../../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var files []string
	for i, block := range yamlBlock.FindAllSubmatch(text, -1) {
		name := "example" + strconv.Itoa(i+1) + ".yaml"
		if m := blockName.FindSubmatch(block[1]); m != nil {
			name = string(m[1])
		}
		if _, err := fakefs.Parse(name, block[1]); err != nil {
			t.Error(err)
		}
		files = append(files, filepath.Join(dir, name))
		if err := os.WriteFile(files[i], block[1], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) == 0 {
		t.Fatal("docs/profiles.md has no example")
	}
	for _, file := range files {
		if err := checkProfile(file); err != nil {
			t.Error(err)
		}
	}
}

// docs/profiles.md has all that can stand in a profile, and all that the
// built-in ones tell.
func TestProfileFormatIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(fakefs.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	words := schemaWords(schema)
	words = append(words, slices.Collect(maps.Keys(fakefs.Generators()))...)
	words = append(words, fakefs.Refusable()...)
	for _, name := range fakefs.Builtins() {
		profile, err := builtinProfile(name)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, name)
		for _, lie := range profile.Lies() {
			words = append(words, lie.Name)
		}
		words = slices.AppendSeq(words, maps.Keys(profile.Arguments))
		for _, arguments := range profile.Arguments {
			for _, a := range arguments {
				words = append(words, a.Text)
			}
		}
		words = append(words, profile.Match.Commands...)
	}
	slices.Sort(words)
	for _, word := range slices.Compact(words) {
		if !strings.Contains(string(text), "`"+word+"`") {
			t.Errorf("docs/profiles.md does not know %s", word)
		}
	}
}

// schemaWords are the keys and the fixed words of a schema, or a part of one.
func schemaWords(node any) (words []string) {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			words = append(words, schemaWords(item)...)
		}
	case map[string]any:
		for key, value := range node {
			switch value := value.(type) {
			case map[string]any:
				if key == "properties" {
					words = slices.AppendSeq(words, maps.Keys(value))
				}
			case []any:
				if key == "enum" {
					for _, word := range value {
						words = append(words, word.(string))
					}
				}
			}
			words = append(words, schemaWords(value)...)
		}
	}
	return words
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
