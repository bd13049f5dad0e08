package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"
)

// ociLog writes the log of a verb in runc's form, of which containerd and
// Docker read the last error.
type ociLog struct{ name, format string }

// logOf is the log that a verb's global flags name.
func logOf(c *cli.Context) ociLog {
	return ociLog{name: c.String("log"), format: c.String("log-format")}
}

func (l ociLog) error(message string) { l.write("error", message) }

func (l ociLog) warn(message string) { l.write("warning", message) }

func (l ociLog) write(level, message string) {
	now := time.Now().UTC().Format(time.RFC3339)
	line := fmt.Sprintf("time=%q level=%s msg=%q\n", now, level, message)
	if l.format == "json" {
		text, err := json.Marshal(struct {
			Level string `json:"level"`
			Msg   string `json:"msg"`
			Time  string `json:"time"`
		}{level, message, now})
		if err == nil {
			line = string(text) + "\n"
		}
	}
	if l.name == "" {
		fmt.Fprint(os.Stderr, line)
		return
	}
	f, err := os.OpenFile(l.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err == nil {
		_, err = f.WriteString(line)
		f.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "shimrun: log file:", err)
	}
	if level == "error" || err != nil {
		// Whoever reads standard error learns it as well, as with runc.
		fmt.Fprintln(os.Stderr, message)
	}
}
