package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// run is one execution of an experiment: what was done, and what was seen.
type run struct {
	experiment
	*parts
	scratch    string
	begun      time.Time
	transcript []string
	tables     map[string]*table
	values     map[string]string
	untrue     []string

	mu      sync.Mutex
	closers []func()
}

// table is one of a page's.
type table struct {
	head []string
	rows [][]string
}

// giveUp ends an experiment that cannot go on.
type giveUp struct{ error }

func (r *run) fatal(format string, args ...any) { panic(giveUp{fmt.Errorf(format, args...)}) }

// execute does the experiment and writes its page.
func (r *run) execute() (err error) {
	defer r.close()
	defer func() {
		if p := recover(); p != nil {
			g, ok := p.(giveUp)
			if !ok {
				panic(p)
			}
			err = g.error
		}
	}()
	r.do(r)
	if len(r.untrue) > 0 {
		return errors.New("the page's words are not true of this run:\n  " + strings.Join(r.untrue, "\n  ") +
			"\nlook at what changed, and change templates/" + r.page + ".md and what the experiment expects")
	}
	return r.write()
}

// close ends what the experiment started, the last first.
func (r *run) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.closers) > 0 {
		last := len(r.closers) - 1
		r.closers[last]()
		r.closers = r.closers[:last]
	}
}

func (r *run) atEnd(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closers = append(r.closers, f)
}

// expect holds a sentence of the page against what was seen.
func (r *run) expect(ok bool, sentence string, saw any) {
	if !ok {
		r.untrue = append(r.untrue, fmt.Sprintf("%s: but saw %v", sentence, saw))
	}
}

// expectSays expects that a text contains another one.
func (r *run) expectSays(what, text, part string) {
	r.expect(strings.Contains(text, part), fmt.Sprintf("%s says %q", what, part), fmt.Sprintf("%q", text))
}

// note shows a line of progress.
func (r *run) note(format string, args ...any) {
	fmt.Printf("  "+format+"\n", args...)
}

// did adds a command to the page, once.
func (r *run) did(line string) {
	line = r.shown(line)
	for _, before := range r.transcript {
		if before == line {
			return
		}
	}
	r.transcript = append(r.transcript, line)
}

// shown writes PARTS and DATA where this run had folders of its own.
func (r *run) shown(text string) string {
	return strings.NewReplacer(r.parts.dir, "PARTS", r.scratch+"/data", "DATA", r.parts.repository+"/", "", r.scratch, "SCRATCH").Replace(text)
}

// row adds a row to a table, which is made by its first one's head.
func (r *run) head(name string, cells ...string) { r.tables[name] = &table{head: cells} }
func (r *run) row(name string, cells ...string) {
	r.tables[name].rows = append(r.tables[name].rows, cells)
	r.note("%s", r.shown(strings.Join(cells, " | ")))
}

// file writes a file that the sandboxes see below /opt/experiment. Profiles are
// shown on the page.
func (r *run) file(name, content string) {
	if strings.HasSuffix(name, ".yaml") {
		r.did("cat >PARTS/" + name + " <<'END'\n" + content + "END")
	}
	if err := os.WriteFile(r.parts.dir+"/"+name, []byte(content), 0o644); err != nil {
		r.fatal("%w", err)
	}
}
