package main

import (
	"archive/tar"
	"bytes"
	"strings"
)

// files collects a layer. It is the same for the same files, times and all, so
// that digests are too.
type files struct {
	tar *tar.Writer
	err error
}

// layer is an uncompressed tar with what fill adds.
func layer(fill func(*files)) ([]byte, error) {
	var out bytes.Buffer
	l := &files{tar: tar.NewWriter(&out)}
	fill(l)
	if l.err == nil {
		l.err = l.tar.Close()
	}
	return out.Bytes(), l.err
}

func (l *files) add(header tar.Header, content []byte) {
	if l.err != nil {
		return
	}
	header.Size = int64(len(content))
	if l.err = l.tar.WriteHeader(&header); l.err == nil {
		_, l.err = l.tar.Write(content)
	}
}

func (l *files) dir(name string, mode int64) {
	l.add(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, nil)
}

func (l *files) file(name string, mode int64, content []byte) {
	l.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, content)
}

func (l *files) link(name, target string) {
	l.add(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

// lines are those that have something in them.
func lines(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}
