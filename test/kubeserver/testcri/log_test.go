package testcri

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLongLinesAreParts(t *testing.T) {
	l := &logFile{path: filepath.Join(t.TempDir(), "log")}
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	s := &stream{log: l, name: "stdout"}
	want := strings.Repeat("x", 2*lineSize+5)
	for chunk := range strings.SplitSeq(want+"\nshort\n\nlast", "x") {
		s.Write([]byte(chunk))
		if chunk == "" {
			s.Write([]byte("x"))
		}
	}
	s.flush()
	l.close()
	data, err := os.ReadFile(l.path)
	if err != nil {
		t.Fatal(err)
	}
	var tags, text string
	for line := range strings.Lines(string(data)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		tags += parts[2]
		text += parts[3]
	}
	if tags != "PPFFFF" || text != want+"shortlast" {
		t.Errorf("tags %s, %d bytes", tags, len(text))
	}
}

func TestReopenFollowsARename(t *testing.T) {
	l := &logFile{path: filepath.Join(t.TempDir(), "log")}
	s := &stream{log: l, name: "stdout"}
	for _, text := range []string{"one\n", "two\n"} {
		if err := l.open(); err != nil {
			t.Fatal(err)
		}
		s.Write([]byte(text))
		if text == "one\n" {
			if err := os.Rename(l.path, l.path+".1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for path, want := range map[string]string{l.path + ".1": "one\n", l.path: "two\n"} {
		if data, err := os.ReadFile(path); err != nil || !strings.HasSuffix(string(data), "stdout F "+want) {
			t.Errorf("%s has %q (%v)", path, data, err)
		}
	}
}
