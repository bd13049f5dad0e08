package structure

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

const repository = "../.."

var (
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```|^ *~~~.*?^ *~~~")
	inType  = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	another = regexp.MustCompile(`^[a-z][a-z+.-]*:`) // a scheme
)

// Every relative link in a document leads to a file that is there, and to a heading
// in it.
func TestLinksLeadSomewhere(t *testing.T) {
	count := 0
	for _, name := range documents(t) {
		text := prose(t, name)
		for _, found := range link.FindAllSubmatch(inType.ReplaceAll(text, nil), -1) {
			target := string(found[1])
			if another.MatchString(target) {
				continue
			}
			count++
			if err := leads(t, name, target); err != nil {
				t.Errorf("%s: (%s): %v", strings.TrimPrefix(name, repository+"/"), target, err)
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d links were found", count)
	}
}

func leads(t *testing.T, from, target string) error {
	file, anchor, _ := strings.Cut(target, "#")
	name := from
	if file != "" {
		name = filepath.Join(filepath.Dir(from), file)
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if anchor == "" || info.IsDir() || filepath.Ext(name) != ".md" {
		return nil
	}
	if !anchors(prose(t, name))[anchor] {
		return fmt.Errorf("there is no heading #%s", anchor)
	}
	return nil
}

// documents are the Markdown files of the repository, but for what is made.
func documents(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(repository, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != repository && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "bin" || entry.Name() == "dist" || entry.Name() == "templates"):
			return fs.SkipDir // the templates' pages are in docs
		case !entry.IsDir() && filepath.Ext(name) == ".md":
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// prose is a document without its blocks of code.
func prose(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return fence.ReplaceAll(text, nil)
}

// anchors are the names that GitHub gives to headings.
func anchors(text []byte) map[string]bool {
	all := map[string]bool{}
	for _, h := range heading.FindAllSubmatch(text, -1) {
		name := anchorOf(bytes.TrimSpace(h[1]))
		for n, base := 1, name; all[name]; n++ {
			name = fmt.Sprint(base, "-", n)
		}
		all[name] = true
	}
	return all
}

func anchorOf(title []byte) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, string(link.ReplaceAll(title, []byte("]"))))
}

func TestAnchors(t *testing.T) {
	got := anchors([]byte("# A `b_c`: d-e, [F](x.md)\ntext\n## Again\n## Again\n"))
	for _, want := range []string{"a-b_c-d-e-f", "again", "again-1"} {
		if !got[want] {
			t.Errorf("%s is missing in %v", want, got)
		}
	}
}
