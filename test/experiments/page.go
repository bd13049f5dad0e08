package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
	"time"
)

//go:embed templates
var templates embed.FS

// write fills the experiment's template and writes the page.
func (r *run) write() error {
	functions := template.FuncMap{
		"table": func(name string) (string, error) {
			t := r.tables[name]
			if t == nil {
				return "", fmt.Errorf("the experiment made no table %q", name)
			}
			return r.shown(t.markdown()), nil
		},
		"value": func(name string) (string, error) {
			v, ok := r.values[name]
			if !ok {
				return "", fmt.Errorf("the experiment gave no value %q", name)
			}
			return r.shown(v), nil
		},
		"commands": func() string { return "```\n" + strings.Join(r.transcript, "\n") + "\n```" },
		"versions": func() string { return r.parts.versions().markdown() },
	}
	t, err := template.New(r.page+".md").Funcs(functions).ParseFS(templates, "templates/"+r.page+".md")
	if err != nil {
		return err
	}
	var page bytes.Buffer
	fmt.Fprintf(&page, "# Experiment %s: %s\n\n", r.name, r.title)
	fmt.Fprintf(&page, "Run it again, as root on Debian, with `%s`. Tables and commands are written by the run, and no page is written where its words would not be true. This run took %.0f s, with a load average of %s over its last five minutes.\n\n",
		"go run ./test/experiments "+r.name, time.Since(r.begun).Seconds(), loadAverage(1))
	if err := t.Execute(&page, nil); err != nil {
		return err
	}
	dir := filepath.Join(r.parts.repository, "docs/experiments")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, r.page+".md"), page.Bytes(), 0o644)
}

// markdown writes a table; a cell is on one line.
func (t *table) markdown() string {
	var b strings.Builder
	line := func(cells []string) {
		for _, cell := range cells {
			cell = strings.ReplaceAll(strings.ReplaceAll(cell, "\n", " "), "|", `\|`)
			b.WriteString("| " + cell + " ")
		}
		b.WriteString("|\n")
	}
	line(t.head)
	b.WriteString(strings.Repeat("| --- ", len(t.head)) + "|\n")
	for _, row := range t.rows {
		line(row)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// code sets a text in type.
func code(text string) string {
	if text == "" {
		return ""
	}
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}

var finding = regexp.MustCompile(`(?m)^\*\*Finding\.\*\* (.*)$`)

// writeIndex writes docs/experiments/README.md.
func writeIndex(repository string) error {
	text, err := indexText(repository)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(repository, "docs/experiments/README.md"), []byte(text), 0o644)
}

// indexText has each page's finding, from the pages that are there.
func indexText(repository string) (string, error) {
	text, err := templates.ReadFile("templates/README.md")
	if err != nil {
		return "", err
	}
	index := &table{head: []string{"experiment", "finding"}}
	for _, e := range experiments {
		page, err := os.ReadFile(filepath.Join(repository, "docs/experiments", e.page+".md"))
		if err != nil {
			continue // not run here yet
		}
		found := finding.FindSubmatch(page)
		if found == nil {
			return "", fmt.Errorf("templates/%s.md has no line that begins with **Finding.**", e.page)
		}
		index.rows = append(index.rows, []string{fmt.Sprintf("[%s: %s](%s.md)", e.name, e.title, e.page), string(found[1])})
	}
	return strings.Replace(string(text), "{{table}}", index.markdown(), 1), nil
}
