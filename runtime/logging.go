package runtime

import (
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/textfile"
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
	switch {
	case plan.File == textfile.Output:
		// What the first supervisor was given is not left to a second.
		if _, second := predecessor(); !second {
			fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
			if err != nil {
				return zerolog.Nop(), fmt.Errorf("log to standard output: %w", err)
			}
			file = os.NewFile(uintptr(fd), "standard output")
		}
	case plan.File != "":
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
