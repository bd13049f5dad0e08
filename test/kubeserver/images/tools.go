package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// readTools reads the machine's programs and the libraries that they load, by their
// paths here.
func readTools(names ...string) (map[string][]byte, error) {
	var paths []string
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			return nil, fmt.Errorf("%w; install %s", err, name)
		}
		out, err := exec.Command("ldd", path).Output()
		if err != nil {
			return nil, fmt.Errorf("ldd %s: %w", path, err)
		}
		paths = append(paths, path)
		for _, word := range strings.Fields(string(out)) {
			if strings.HasPrefix(word, "/") {
				paths = append(paths, word)
			}
		}
	}
	contents := map[string][]byte{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		contents[path] = content
	}
	return contents, nil
}
