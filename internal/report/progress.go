package report

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
)

// Progress shows how far a long work has come. Each step is drawn: it should
// take milliseconds, not microseconds.
type Progress interface {
	// Say tells what is done at the moment.
	Say(what string)
	// Add counts steps that are done.
	Add(steps int)
	// Print writes lines for good, above the bar.
	io.Writer
	// Close takes the bar away.
	Close()
}

// NewProgress draws a bar on a terminal. Elsewhere nothing is drawn, and only
// what is written through Write appears. A total of -1 is not known.
func NewProgress(to *os.File, total int) Progress {
	if !isatty.IsTerminal(to.Fd()) {
		return silent{to}
	}
	b := progressbar.NewOptions(total,
		progressbar.OptionSetWriter(to),
		progressbar.OptionSetWidth(24),
		progressbar.OptionShowCount(),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetPredictTime(total > 0),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}),
	)
	_ = b.RenderBlank()
	return bar{b, to}
}

type silent struct{ io.Writer }

func (silent) Say(string) {}
func (silent) Add(int)    {}
func (silent) Close()     {}

type bar struct {
	*progressbar.ProgressBar
	to io.Writer
}

func (b bar) Say(what string) { b.Describe(what) }
func (b bar) Add(steps int)   { _ = b.ProgressBar.Add(steps) }
func (b bar) Close()          { _ = b.ProgressBar.Finish() }

func (b bar) Write(text []byte) (int, error) {
	_ = b.Clear()
	n, err := b.to.Write(text)
	_ = b.RenderBlank()
	return n, err
}
