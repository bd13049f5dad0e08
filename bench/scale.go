package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shimrun/shimrun/internal/ground"
	"github.com/shimrun/shimrun/internal/report"
)

// A growth is something that there can be many of, and what is measured then.
type growth struct {
	name, about string
	sizes       []int
	measures    []measure
}

// A measure is what one point of a curve is: nanoseconds, or bytes.
type measure struct {
	name, about string
	unit        report.Unit
	take        func(ctx context.Context, p *scalePlace, n int) (float64, error)
}

// scalePlace is a place with a backend.
type scalePlace struct {
	*place
	backend string
}

// growths are all there are, in the order of reports.
func growths() []growth {
	crowd := func(kind string) []measure {
		with := func(p *scalePlace, n int) []string {
			return append(p.shim("--profile", profile), filepath.Join(p.programs, "crowd"), kind, strconv.Itoa(n))
		}
		return []measure{
			{"open", "openat and close of a file that is not served, by one more process", report.Seconds, func(ctx context.Context, p *scalePlace, n int) (float64, error) {
				return p.victim(ctx, with(p, n), "open", filepath.Join(p.dir, "file"))
			}},
			{"memory", "the supervisor's largest resident memory", report.Bytes, func(ctx context.Context, p *scalePlace, n int) (float64, error) {
				return p.memory(ctx, with(p, n))
			}},
		}
	}
	nodes := func(p *scalePlace, n int) ([]string, error) {
		name, err := p.profile(n)
		return p.shim("--profile", name), err
	}
	mounts := func(p *scalePlace, n int) []string {
		return append([]string{filepath.Join(p.programs, "crowd"), "mounts", strconv.Itoa(n)},
			p.shim("--profile", profile, "--fs", "tmpfs=ext4")...)
	}
	return []growth{
		{"processes", "processes under the shim that sleep", []int{1, 10, 100, 1000, 2000}, crowd("processes")},
		{"threads", "threads of one process that sleep", []int{1, 10, 100, 1000}, crowd("threads")},
		{"nodes", "files that the profile serves", []int{10, 100, 1000, 10000}, []measure{
			{"open", "openat and close of a file that is not served", report.Seconds, func(ctx context.Context, p *scalePlace, n int) (float64, error) {
				with, err := nodes(p, n)
				if err != nil {
					return 0, err
				}
				return p.victim(ctx, with, "open", filepath.Join(p.dir, "file"))
			}},
			{"open-served", "openat and close of the last of them", report.Seconds, func(ctx context.Context, p *scalePlace, n int) (float64, error) {
				with, err := nodes(p, n)
				if err != nil {
					return 0, err
				}
				return p.victim(ctx, with, "open", scaleNode(n-1))
			}},
			{"start", "start of /bin/true, all in all", report.Seconds, func(ctx context.Context, p *scalePlace, n int) (float64, error) {
				with, err := nodes(p, n)
				if err != nil {
					return 0, err
				}
				return p.start(ctx, with)
			}},
			{"memory", "the supervisor's largest resident memory", report.Bytes, func(ctx context.Context, p *scalePlace, n int) (float64, error) {
				with, err := nodes(p, n)
				if err != nil {
					return 0, err
				}
				return p.memory(ctx, with)
			}},
		}},
		{"mounts", "lines of mountinfo, each told as another filesystem's", []int{10, 100, 1000, 5000}, []measure{
			{"open", "openat and close of a file that is not served", report.Seconds, func(ctx context.Context, p *scalePlace, n int) (float64, error) {
				return p.victim(ctx, mounts(p, n), "open", filepath.Join(p.dir, "file"))
			}},
			{"open-mountinfo", "openat and close of /proc/self/mountinfo, which is made anew", report.Seconds, func(ctx context.Context, p *scalePlace, n int) (float64, error) {
				return p.victim(ctx, mounts(p, n), "open", "/proc/self/mountinfo")
			}},
			{"start", "start of /bin/true, all in all, without the mounting", report.Seconds, func(ctx context.Context, p *scalePlace, n int) (float64, error) {
				with := mounts(p, n)
				return p.run(ctx, slices.Concat(with[:3], []string{filepath.Join(p.programs, "spawn"), "1"}, with[3:], []string{"/bin/true"}))
			}},
			{"memory", "the supervisor's largest resident memory", report.Bytes, func(ctx context.Context, p *scalePlace, n int) (float64, error) {
				return p.memory(ctx, mounts(p, n))
			}},
		}},
	}
}

// shim is shimrun's command line up to the command.
func (p *scalePlace) shim(flags ...string) []string {
	return slices.Concat([]string{p.shimrun, "--backend", p.backend, "--no-args"}, flags, []string{"--"})
}

func (p *scalePlace) victim(ctx context.Context, with []string, operation, path string) (float64, error) {
	return p.run(ctx, append(with, filepath.Join(p.programs, "victim"), operation, "50", "1", path))
}

func (p *scalePlace) start(ctx context.Context, with []string) (float64, error) {
	return p.run(ctx, slices.Concat([]string{filepath.Join(p.programs, "spawn"), "3"}, with, []string{"/bin/true"}))
}

// memory asks the supervisor what it needed at most.
func (p *scalePlace) memory(ctx context.Context, with []string) (float64, error) {
	file := filepath.Join(p.dir, "stats.json")
	at := slices.Index(with, "--no-args")
	with = slices.Insert(slices.Clone(with), at, "--stats-file", file)
	if _, err := p.victim(ctx, with, "open", filepath.Join(p.dir, "file")); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	var figures struct {
		Supervisor struct {
			MaxResident float64 `json:"max_resident_bytes"`
		} `json:"supervisor"`
	}
	err = json.Unmarshal(text, &figures)
	return figures.Supervisor.MaxResident, err
}

// scaleNode is the name of a served file of big profiles.
func scaleNode(i int) string { return fmt.Sprintf("/proc/shimrun-bench/%d/%d", i/100, i%100) }

// profile writes a profile of n files.
func (p *scalePlace) profile(n int) (name string, err error) {
	name = filepath.Join(p.dir, fmt.Sprintf("nodes-%d.yaml", n))
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	return name, os.WriteFile(name, BigProfile(n), 0o644)
}

// BigProfile is a profile that serves n files.
func BigProfile(n int) []byte {
	var text strings.Builder
	text.WriteString("name: big\nfiles:\n")
	for i := range n {
		fmt.Fprintf(&text, "  %s: {content: \"%d\\n\"}\n", scaleNode(i), i)
	}
	return []byte(text.String())
}

// A ScaleResult is how things grow.
type ScaleResult struct {
	Shimrun   string         `json:"shimrun"`
	Machine   ground.Machine `json:"machine"`
	Processor string         `json:"processor,omitempty"`
	Started   time.Time      `json:"started"`
	Seconds   float64        `json:"seconds"`
	Rounds    int            `json:"rounds"`
	Curves    []Curve        `json:"curves"`
}

// A Curve is one measure of one backend as something grows.
type Curve struct {
	Growth  string       `json:"growth"`
	Measure string       `json:"measure"`
	About   string       `json:"about"`
	Backend string       `json:"backend"`
	Unit    report.Unit  `json:"-"`
	Points  []CurvePoint `json:"points"`
	take    func(context.Context, *scalePlace, int) (float64, error)
}

// A CurvePoint has the values of all rounds: seconds, or bytes.
type CurvePoint struct {
	N       int     `json:"n"`
	Values  Samples `json:"values"`
	Problem string  `json:"problem,omitempty"`
}

// Slope is the exponent k of n to the k between two sizes: 0 does not grow, 1
// grows linearly. NaN where it was not measured.
func slope(from, to CurvePoint) float64 {
	a, b := spread(from.Values.present()), spread(to.Values.present())
	return math.Log(b.Median/a.Median) / math.Log(float64(to.N)/float64(from.N))
}

// Last is the slope at the end of the curve, where constants matter least: from
// the last size that is a fifth of the largest, or less.
func (c *Curve) Last() float64 {
	if len(c.Points) == 0 {
		return math.NaN()
	}
	last := c.Points[len(c.Points)-1]
	for _, p := range slices.Backward(c.Points) {
		if p.N*5 <= last.N {
			return slope(p, last)
		}
	}
	return math.NaN()
}

// Whole is the slope of the line through all points of the log-log plot.
func (c *Curve) Whole() float64 {
	var n, sx, sy, sxx, sxy float64
	for _, p := range c.Points {
		x, y := math.Log(float64(p.N)), math.Log(spread(p.Values.present()).Median)
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// Scale measures how cost grows.
func Scale(ctx context.Context, opt Options) (*ScaleResult, error) {
	programs, err := Programs(opt.Programs)
	if err != nil {
		return nil, err
	}
	place, err := newPlace(opt.Dir, programs, opt.Shimrun)
	if place != nil {
		defer func() { _ = place.remove() }()
	}
	if err != nil {
		return nil, fmt.Errorf("make the work folder: %w", err)
	}
	r := &ScaleResult{Shimrun: opt.Version, Machine: ground.Look(), Processor: processor(), Started: time.Now(), Rounds: opt.Rounds}
	total := 0
	for _, g := range growths() {
		if !wanted(g.name, opt.Scenarios) {
			continue
		}
		for _, m := range g.measures {
			for _, backend := range []string{"seccomp", "ptrace"} {
				if !wanted("shimrun-"+backend, opt.Contenders) {
					continue
				}
				c := Curve{Growth: g.name, Measure: m.name, About: m.about, Backend: backend, Unit: m.unit, take: m.take}
				for _, n := range g.sizes {
					c.Points = append(c.Points, CurvePoint{N: n})
					total += opt.Rounds
				}
				r.Curves = append(r.Curves, c)
			}
		}
	}
	if len(r.Curves) == 0 {
		return nil, fmt.Errorf("nothing of that name grows: processes, threads, nodes, mounts")
	}
	progress := opt.Progress(total)
	defer progress.Close()
	for range opt.Rounds {
		for i := range r.Curves {
			c := &r.Curves[i]
			for j := range c.Points {
				if ctx.Err() != nil {
					return nil, fmt.Errorf("interrupted; nothing is written")
				}
				progress.Say(fmt.Sprintf("%s %s %s %d", c.Growth, c.Measure, c.Backend, c.Points[j].N))
				c.visit(ctx, place, &c.Points[j])
				progress.Add(1)
			}
		}
	}
	r.Seconds = time.Since(r.Started).Seconds()
	return r, nil
}

func (c *Curve) visit(ctx context.Context, place *place, point *CurvePoint) {
	value, err := c.take(ctx, &scalePlace{place, c.Backend}, point.N)
	if err != nil {
		point.Problem, value = strings.ReplaceAll(err.Error(), "\n", "; "), math.NaN()
	}
	if c.Unit == report.Seconds {
		value /= 1e9
	}
	point.Values = append(point.Values, value)
}
