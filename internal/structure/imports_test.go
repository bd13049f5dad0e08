package structure

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/shimrun/shimrun/"

// packageRow is a row of the table of packages: its name, what it is, what it imports.
var packageRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| ([^|]+) \\|$")

// The table of packages in docs/architecture.md names every package, with what it
// imports of the others, and none imports one above it.
func TestPackagesImportWhatTheTableSays(t *testing.T) {
	text, err := os.ReadFile(repository + "/docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Packages\n")
	section, _, _ = strings.Cut(section, "\n## ")
	real := imports(t)
	var order []string
	said := map[string]string{}
	for _, row := range packageRow.FindAllStringSubmatch(section, -1) {
		order = append(order, row[1])
		said[row[1]] = row[2]
	}
	for name, imported := range real {
		row, there := said[name]
		if !there {
			t.Errorf("the table does not have %s, which imports %s", name, strings.Join(imported, ", "))
			continue
		}
		for _, other := range imported {
			if slices.Index(order, other) < slices.Index(order, name) {
				t.Errorf("%s imports %s, which is above it", name, other)
			}
		}
		listed := strings.Split(row, ", ")
		slices.Sort(listed)
		switch {
		case row == "all below", row == "–" && len(imported) == 0:
		case !slices.Equal(listed, imported):
			t.Errorf("%s imports %s; the table says %s", name, strings.Join(imported, ", "), row)
		}
	}
	for _, name := range order {
		if _, there := real[name]; !there {
			t.Errorf("the table has %s, and there is no such package", name)
		}
	}
}

// imports are those of each package, but for tests and what stands in modules of its own.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(repository, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(repository, file)
		if entry.IsDir() {
			_, err := os.Stat(filepath.Join(file, "go.mod"))
			if name != "." && (err == nil || name == "test" || name == "examples" || name == "internal/structure" || name == "bin" || name == "dist" || entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := filepath.Dir(name)
		of := all[dir]
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if other, ours := strings.CutPrefix(path, module); ours && !slices.Contains(of, other) {
				of = append(of, other)
			}
		}
		slices.Sort(of)
		all[dir] = of
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
