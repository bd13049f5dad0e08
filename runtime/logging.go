package runtime

import (
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// newLogger opens the log of a plan. An empty level is "warn"; an empty format
// is "console" on a terminal and "json" elsewhere.
func newLogger(plan LogPlan) (zerolog.Logger, error) {
	level := zerolog.WarnLevel
	if plan.Level != "" {
		var err error
		if level, err = zerolog.ParseLevel(plan.Level); err != nil {
			return zerolog.Nop(), fmt.Errorf("log level: %w", err)
		}
	}
	file := os.Stderr
	if plan.File != "" {
		var err error
		// The supervisor stands in /, so the launcher made the name absolute.
		file, err = os.OpenFile(plan.File, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return zerolog.Nop(), fmt.Errorf("log file: %w", err)
		}
	}
	var w io.Writer = file
	switch {
	case plan.Format == "console", plan.Format == "" && isatty.IsTerminal(file.Fd()):
		w = zerolog.ConsoleWriter{Out: file, NoColor: !isatty.IsTerminal(file.Fd()) || os.Getenv("NO_COLOR") != ""}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger(), nil
}
