package server

import (
	"io"
	"os"
	"strings"
)

// LastLines reads the end of a log, from where one server's part begins.
func LastLines(log *os.File, from int64, lines int) ([]string, error) {
	const most = 64 << 10
	info, err := log.Stat()
	if err != nil {
		return nil, err
	}
	begin := max(from, info.Size()-most)
	text := make([]byte, info.Size()-begin)
	n, err := log.ReadAt(text, begin)
	if err != nil && err != io.EOF {
		return nil, err
	}
	all := strings.Split(strings.TrimRight(string(text[:n]), "\n"), "\n")
	if begin > from && len(all) > 1 {
		all = all[1:] // cut in its middle
	}
	if len(all) == 1 && all[0] == "" {
		return nil, nil
	}
	return all[max(0, len(all)-lines):], nil
}
