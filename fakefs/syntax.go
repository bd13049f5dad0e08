package fakefs

import (
	"bytes"
	"errors"
	"io"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var (
	yamlLine = shape(`^yaml: (?:line (\d+): )?((?s).*)`)
	// The library's parser counts lines from 0 in its messages, its scanner from 1.
	ofParser      = shape(`^did not find expected (node content|key|',' or|'-' indicator|<)`)
	unknownAnchor = shape(`^unknown anchor '(.*)' referenced`)
)

// syntaxError gives an error of the YAML library our form, with the place where
// what is wrong begins. The library names no column, and no line where that is
// the first, so it is asked again with an empty line before the text.
func syntaxError(file string, data []byte, err error) error {
	line, cause := lineOf(data)
	if cause == "" {
		cause = err.Error()
	}
	if cause == "did not find expected key" || strings.HasPrefix(cause, "did not find expected '-'") {
		line = firstWith(data, line, cause) // what is named is where the mapping or list begins
	}
	at := Place{File: file}
	at.Line, at.Column = columnOf(data, max(line, 1), cause)
	return &ProfileError{At: at, Cause: "not YAML: " + cause}
}

// lineOf gives what the library says of a text, and the line that it means.
func lineOf(data []byte) (line int, cause string) {
	dec := yaml.NewDecoder(bytes.NewReader(append([]byte{'\n'}, data...)))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case err == nil:
			continue
		case errors.Is(err, io.EOF):
			return 1, ""
		default:
			m := yamlLine().FindStringSubmatch(err.Error())
			if m == nil {
				return 1, err.Error()
			}
			if line, err = strconv.Atoi(m[1]); err == nil && !ofParser().MatchString(m[2]) {
				line--
			}
			return line, m[2]
		}
	}
}

// firstWith is the first line with which a text has this mistake.
func firstWith(data []byte, line int, cause string) int {
	lines := bytes.SplitAfter(data, []byte{'\n'})
	line = max(line, 1)
	return line + sort.Search(len(lines)-line, func(i int) bool {
		_, said := lineOf(bytes.Join(lines[:line+i], nil))
		return said == cause
	})
}

// columnOf finds what a message is about: a character that cannot be, an alias, a
// bracket that is not closed. Else it is the first word of the line.
func columnOf(data []byte, line int, cause string) (int, int) {
	at := -1
	switch m := unknownAnchor().FindStringSubmatch(cause); {
	case m != nil:
		at = bytes.Index(data, []byte("*"+m[1]))
	case strings.HasPrefix(cause, "control characters"):
		at = bytes.IndexFunc(data, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\r", r) || r == 0x7f })
	case strings.Contains(cause, "UTF-8"):
		at = firstInvalid(data)
	}
	if at >= 0 {
		before := data[:at]
		return 1 + bytes.Count(before, []byte{'\n'}), 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	}
	var text []byte
	for i, l := range bytes.SplitAfter(data, []byte{'\n'}) {
		if i+1 == line {
			text = l
		}
	}
	at = len(text) - len(bytes.TrimLeft(text, " \t-"))
	if at == len(bytes.TrimRight(text, "\r\n")) {
		at = 0
	}
	if strings.Contains(cause, "',' or") {
		if open := unclosed(text); open >= 0 {
			at = open
		}
	}
	return line, 1 + utf8.RuneCount(text[:at])
}

// firstInvalid is where the first byte stands that is no UTF-8.
func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// unclosed is where a bracket stands that the line does not close, or closes by
// one of the other kind.
func unclosed(line []byte) int {
	var open []int
	quote := byte(0)
	for i, c := range line {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[' || c == '{':
			open = append(open, i)
		case (c == ']' || c == '}') && len(open) > 0:
			last := len(open) - 1
			if line[open[last]]+2 != c { // in ASCII they are two apart
				return open[last]
			}
			open = open[:last]
		}
	}
	if len(open) == 0 {
		return -1
	}
	return open[len(open)-1]
}
