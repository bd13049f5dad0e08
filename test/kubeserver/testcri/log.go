package testcri

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// lineSize is where a long line is broken, as containerd does.
const lineSize = 16 << 10

// logPath is where kubelet wants a container's log, or "" for nowhere.
func logPath(sandbox *runtimeapi.PodSandboxConfig, config *runtimeapi.ContainerConfig) string {
	if sandbox.GetLogDirectory() == "" || config.LogPath == "" {
		return ""
	}
	return filepath.Join(sandbox.LogDirectory, config.LogPath)
}

// logFile is a log in CRI's format: TIME STREAM TAG LINE, where the tag is F for
// a full line and P for a part of one.
type logFile struct {
	path string

	mu   sync.Mutex
	file *os.File
}

// open opens the log, or another one when the old has been renamed.
func (l *logFile) open() error {
	if l.path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
	}
	l.file = file
	return nil
}

func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

func (l *logFile) write(stream string, line []byte, full bool) {
	tag := " P "
	if full {
		tag = " F "
	}
	record := time.Now().UTC().AppendFormat(nil, time.RFC3339Nano)
	record = append(record, " "+stream+tag...)
	record = append(append(record, line...), '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Write(record) // a full disk loses lines, but stops nobody
	}
}

// stream is one of a container's outputs: it goes to the log, and to whoever is
// attached.
type stream struct {
	log  *logFile
	name string

	mu       sync.Mutex
	rest     []byte // of a line that has not ended
	attached []io.Writer
}

// Write never fails: the container shall not notice what becomes of its output.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attached = slices.DeleteFunc(s.attached, func(w io.Writer) bool {
		_, err := w.Write(p)
		return err != nil
	})
	s.rest = append(s.rest, p...)
	for {
		line, rest, full := bytes.Cut(s.rest, []byte{'\n'})
		if !full && len(line) < lineSize {
			return len(p), nil
		}
		if len(line) > lineSize {
			line, rest, full = s.rest[:lineSize], s.rest[lineSize:], false
		}
		s.log.write(s.name, line, full)
		s.rest = rest
	}
}

// flush writes a last line that did not end.
func (s *stream) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rest) > 0 {
		s.log.write(s.name, s.rest, true)
		s.rest = nil
	}
}

// attach sends what comes from now on to w as well, until detach.
func (s *stream) attach(w io.Writer) (detach func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attached = append(s.attached, w)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.attached = slices.DeleteFunc(s.attached, func(x io.Writer) bool { return x == w })
	}
}
