package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/shimrun/shimrun/internal/ground"
	"github.com/shimrun/shimrun/internal/report"
)

// Options of a run.
type Options struct {
	// Scenarios and Contenders are names or patterns (path.Match) of what is to
	// be measured; none means all. Bare is always measured.
	Scenarios, Contenders []string
	// CPUs is "all", "one" or "both".
	CPUs string
	// Rounds is how often each cell is measured, and Milliseconds how long a
	// sample of a loop takes.
	Rounds, Milliseconds int
	// Seed is that of the order; 0 picks one.
	Seed uint64
	// Dir is where the work folder is made, Programs where the C programs are.
	Dir, Programs string
	// Shimrun is the measured binary, Version what it calls itself.
	Shimrun, Version string
	// Progress is told what is going on.
	Progress func(total int) report.Progress
}

// runner is a run that is under way.
type runner struct {
	opt       Options
	place     *place
	grounds   []Ground
	scenarios []Scenario
	heavy     int
	cells     []*visit
	result    *Result
}

// visit is a cell with what it is made of.
type visit struct {
	*Cell
	ground    *Ground
	scenario  *Scenario
	contender *Contender
}

// out tells that the cell cannot be measured here.
func (v *visit) out() bool { return v.Problem != "" && v.NS == nil }

// Run measures. What cannot be measured here is in the result, with the reason;
// an error means that there is no result.
func Run(ctx context.Context, opt Options) (*Result, error) {
	r := &runner{opt: opt}
	if err := r.choose(); err != nil {
		return nil, err
	}
	programs, err := Programs(opt.Programs)
	if err != nil {
		return nil, err
	}
	r.place, err = newPlace(opt.Dir, programs, opt.Shimrun)
	if r.place != nil {
		defer func() { _ = r.place.remove() }() // what remains is in a folder for temporary files
	}
	if err == nil {
		err = r.place.writeProgram()
	}
	if err != nil {
		return nil, fmt.Errorf("make the work folder: %w", err)
	}
	r.describe()

	done := make(chan error, 1)
	go func() {
		// The thread moves between processors, and is never used again.
		runtime.LockOSThread()
		done <- r.visitAll(ctx)
	}()
	if err := <-done; err != nil {
		return nil, err
	}
	r.result.Seconds = time.Since(r.result.Started).Seconds()
	for _, v := range r.cells {
		r.result.Cells = append(r.result.Cells, *v.Cell)
	}
	return r.result, nil
}

// choose finds the cells that are wanted.
func (r *runner) choose() error {
	grounds, err := Grounds()
	if err != nil {
		return err
	}
	switch r.opt.CPUs {
	case "all":
		grounds = grounds[:1]
	case "one":
		grounds = grounds[len(grounds)-1:]
	}
	r.grounds = grounds
	if r.opt.Seed == 0 {
		r.opt.Seed = rand.Uint64()
	}
	r.heavy = heavyRounds(r.opt.Rounds)
	for _, s := range Scenarios() {
		if wanted(s.Name, r.opt.Scenarios) {
			r.scenarios = append(r.scenarios, s)
		}
	}
	if len(r.scenarios) == 0 {
		return fmt.Errorf("no scenario is named %s; shimrun bench --list has all", strings.Join(r.opt.Scenarios, ", "))
	}
	for i := range r.scenarios {
		for _, c := range Contenders() {
			if !c.takes(&r.scenarios[i]) || c.Name != Bare && !wanted(c.Name, r.opt.Contenders) {
				continue
			}
			for g := range r.grounds {
				r.cells = append(r.cells, &visit{
					Cell:   &Cell{Ground: r.grounds[g].Name, Scenario: r.scenarios[i].Name, Contender: c.Name},
					ground: &r.grounds[g], scenario: &r.scenarios[i], contender: &c,
				})
			}
		}
	}
	if !slices.ContainsFunc(r.cells, func(v *visit) bool { return v.Contender != Bare }) && len(r.opt.Contenders) > 0 &&
		!slices.Contains(r.opt.Contenders, Bare) {
		return fmt.Errorf("no contender of these scenarios is named %s; shimrun bench --list has all", strings.Join(r.opt.Contenders, ", "))
	}
	return nil
}

// heavyRounds are those of heavy scenarios: six are the fewest with which a
// median can be bounded.
func heavyRounds(rounds int) int { return min(rounds, max(6, rounds/2)) }

func wanted(name string, patterns []string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}

// describe begins the result.
func (r *runner) describe() {
	r.result = &Result{
		Schema: resultSchema, Shimrun: r.opt.Version,
		Machine: ground.Look(), Processor: processor(), Started: time.Now(),
		Rounds: r.opt.Rounds, Heavy: r.heavy, Milliseconds: r.opt.Milliseconds, Seed: r.opt.Seed,
		Filesystem: r.place.realType, Lie: r.place.lie(), Grounds: r.grounds,
	}
	for _, s := range r.scenarios {
		r.result.Scenarios = append(r.result.Scenarios, Described{Name: s.Name, About: s.About})
	}
	for _, c := range Contenders() {
		if !slices.ContainsFunc(r.cells, func(v *visit) bool { return v.Contender == c.Name }) {
			continue
		}
		d := Described{Name: c.Name, About: c.About, Floor: c.Floor}
		if len(c.Needs) > 0 {
			d.Version = versionOf(c.Needs[0])
		}
		r.result.Contenders = append(r.result.Contenders, d)
	}
}

// processor is the model name of /proc/cpuinfo.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// versionOf is the first line with a digit of what a program says of itself.
func versionOf(program string) string {
	out, _ := exec.Command(program, "--version").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.ContainsAny(line, "0123456789") {
			return strings.TrimSpace(strings.Trim(line, " |_\\\n"))
		}
	}
	return ""
}

// visitAll prepares, and then goes through the rounds.
func (r *runner) visitAll(ctx context.Context) error {
	total := 0
	for _, v := range r.cells {
		total += 1 + r.rounds(v)
	}
	progress := r.opt.Progress(total)
	defer progress.Close()

	r.prepare(progress)
	order := rand.New(rand.NewPCG(r.opt.Seed, 0))
	// The first visit shows whether it works, and warms what can be warm.
	for round := -1; round < r.opt.Rounds; round++ {
		order.Shuffle(len(r.cells), func(i, j int) { r.cells[i], r.cells[j] = r.cells[j], r.cells[i] })
		for _, v := range r.cells {
			if round >= 0 && v.out() || round >= r.rounds(v) {
				continue
			}
			progress.Say(v.Scenario + " " + v.Contender)
			if !v.out() {
				if err := r.visit(ctx, v, round); err != nil {
					return err
				}
			}
			progress.Add(1)
			if v.out() {
				progress.Add(r.rounds(v))
			}
		}
	}
	r.sort()
	return nil
}

func (r *runner) rounds(v *visit) int {
	if v.scenario.Heavy {
		return r.heavy
	}
	return r.opt.Rounds
}

// prepare makes what scenarios need, or says what is missing.
func (r *runner) prepare(progress report.Progress) {
	for i := range r.scenarios {
		s := &r.scenarios[i]
		problem := s.missing(r.place)
		if problem == "" && s.Prepare != nil {
			progress.Say("prepare " + s.Name)
			if err := s.Prepare(r.place); err != nil {
				problem = "prepare: " + err.Error()
			}
		}
		for _, v := range r.cells {
			if v.scenario != s {
				continue
			}
			if v.Problem = problem; problem == "" {
				v.Problem = v.contender.missing(r.place)
			}
		}
	}
}

// missing says why a scenario cannot be measured here; empty where it can.
func (s *Scenario) missing(p *place) string {
	switch {
	case s.Server && os.Getenv("KUBESERVER") == "":
		return "KUBESERVER names no binary (test/kubeserver/build makes one)"
	case s.Tells&TellFilesystem != 0 && p.realMagic == 0:
		return "filesystems of type " + p.realType + " cannot be told as others; name a work folder on another one with --dir"
	}
	return lacking(s.Needs)
}

// missing says why a contender cannot be measured here; empty where it can.
func (c *Contender) missing(p *place) string {
	if c.program != "" && !exists(filepath.Join(p.programs, c.program)) {
		return "there was no Go to compile it with"
	}
	return lacking(c.Needs)
}

// lacking names the first program that is not in PATH.
func lacking(programs []string) string {
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed"
		}
	}
	return ""
}

// visit measures one cell once; round -1 is not kept.
func (r *runner) visit(ctx context.Context, v *visit, round int) error {
	if err := v.ground.enter(); err != nil {
		return err
	}
	milliseconds := r.opt.Milliseconds
	if round < 0 {
		milliseconds = min(milliseconds, 10)
	}
	ns, err := r.place.sample(ctx, v.scenario, v.contender, milliseconds)
	if ctx.Err() != nil {
		return errors.New("interrupted; nothing is written")
	}
	if err != nil {
		v.Problem = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	if round < 0 {
		return nil
	}
	if v.NS == nil {
		v.NS = make(Samples, r.rounds(v))
		for i := range v.NS {
			v.NS[i] = math.NaN()
		}
	}
	if err == nil {
		v.NS[round] = ns
	}
	return nil
}

// sort puts the cells into the order of reports.
func (r *runner) sort() {
	place := map[string]int{}
	for i, g := range r.grounds {
		place["ground "+g.Name] = i
	}
	for i, s := range r.result.Scenarios {
		place["scenario "+s.Name] = i
	}
	for i, c := range r.result.Contenders {
		place["contender "+c.Name] = i
	}
	key := func(v *visit) int {
		return (place["ground "+v.Ground]*1000+place["scenario "+v.Scenario])*1000 + place["contender "+v.Contender]
	}
	slices.SortFunc(r.cells, func(a, b *visit) int { return key(a) - key(b) })
}
