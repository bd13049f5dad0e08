package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/shimrun/shimrun/internal/ground"
	"github.com/shimrun/shimrun/internal/textfile"
)

// resultSchema counts up when a field of [Result] changes its meaning or goes.
const resultSchema = 1

// A Result is all that one run measured.
type Result struct {
	Schema  int            `json:"schema"`
	Shimrun string         `json:"shimrun"`
	Machine ground.Machine `json:"machine"`
	// Processor is what the machine calls its processor; may be empty.
	Processor string    `json:"processor,omitempty"`
	Started   time.Time `json:"started"`
	Seconds   float64   `json:"seconds"`
	// Rounds is how often each cell was visited, Heavy how often a heavy one.
	Rounds int `json:"rounds"`
	Heavy  int `json:"heavy_rounds"`
	// Milliseconds is how long each sample of a loop took.
	Milliseconds int    `json:"milliseconds"`
	Seed         uint64 `json:"seed"`
	// Filesystem is the type of the work folder's, and Lie what it is told as.
	Filesystem string      `json:"filesystem"`
	Lie        string      `json:"lie"`
	Grounds    []Ground    `json:"grounds"`
	Scenarios  []Described `json:"scenarios"`
	Contenders []Described `json:"contenders"`
	Cells      []Cell      `json:"cells"`
}

// Described is a name, and what it stands for.
type Described struct {
	Name  string `json:"name"`
	About string `json:"about"`
	// Version is what a program says of itself.
	Version string `json:"version,omitempty"`
	Floor   string `json:"floor,omitempty"`
}

// A Cell is one contender in one scenario on one ground.
type Cell struct {
	Ground    string `json:"ground"`
	Scenario  string `json:"scenario"`
	Contender string `json:"contender"`
	// NS are nanoseconds for one operation, by round.
	NS Samples `json:"ns,omitempty"`
	// Problem says why there are none, or not all.
	Problem string `json:"problem,omitempty"`
}

// Samples are by round; NaN where a round has none, which JSON writes as null.
type Samples []float64

// MarshalJSON implements [json.Marshaler].
func (s Samples) MarshalJSON() ([]byte, error) {
	values := make([]*float64, len(s))
	for i, v := range s {
		if !math.IsNaN(v) {
			values[i] = &s[i]
		}
	}
	return json.Marshal(values)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (s *Samples) UnmarshalJSON(text []byte) error {
	var values []*float64
	if err := json.Unmarshal(text, &values); err != nil {
		return err
	}
	*s = make(Samples, len(values))
	for i, v := range values {
		(*s)[i] = math.NaN()
		if v != nil {
			(*s)[i] = *v
		}
	}
	return nil
}

// Cell finds a cell; nil where there is none with samples.
func (r *Result) Cell(ground, scenario, contender string) *Cell {
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Ground == ground && c.Scenario == scenario && c.Contender == contender && len(c.NS.present()) > 0 {
			return c
		}
	}
	return nil
}

// floorOf is the name of the floor that a contender is compared with.
func (r *Result) floorOf(contender string) string {
	for _, c := range r.Contenders {
		if c.Name == contender {
			return c.Floor
		}
	}
	return ""
}

// WriteJSON writes the result for machines.
func (r *Result) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(r)
}

// Read reads a result that [Result.WriteJSON] wrote.
func Read(name string) (*Result, error) {
	text, err := textfile.Read(name, 64<<20)
	if err != nil {
		return nil, err
	}
	var r Result
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s: %w; it has to be what shimrun bench --json wrote", name, err)
	}
	if r.Schema != resultSchema {
		return nil, fmt.Errorf("%s: has schema %d, and this shimrun knows %d: measure again", name, r.Schema, resultSchema)
	}
	return &r, nil
}
