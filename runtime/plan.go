package runtime

import "github.com/shimrun/shimrun/fakefs"

// Plan is everything that a run needs, decided before anything starts. It is
// what --dry-run prints, and what the launcher hands to the supervisor.
type Plan struct {
	// Path is the executable, looked up in PATH already; Args its argv, Args[0] included.
	Path string   `json:"path"`
	Args []string `json:"args"`
	// Backend is "auto", "seccomp" or "ptrace".
	Backend string `json:"backend"`
	// Profile is the one resolved profile, as self-contained YAML (all
	// "extends" followed, all --set, --file and --fs merged in), and Source is
	// what it is made of, with the texts of all files. One of the two is enough,
	// see [Plan.Tell]. Neither: nothing is to be served, the command is executed
	// directly.
	Profile []byte              `json:"profile,omitempty"`
	Source  *fakefs.LoadOptions `json:"source,omitempty"`
	loaded  *fakefs.Profile
	// Log says where and how the supervisor logs.
	Log LogPlan `json:"log"`
	// Stats prints statistics on standard error when the command ends;
	// StatsFile writes them as JSON; Metrics is a listen address for Prometheus.
	Stats     bool   `json:"stats,omitempty"`
	StatsFile string `json:"stats_file,omitempty"`
	Metrics   string `json:"metrics,omitempty"`
	// Build is what the metrics say of this program.
	Build Build `json:"build,omitzero"`
	// Apart keeps the caller's standard error away from the supervisor, as
	// for a container, whose standard error belongs to nobody else.
	Apart bool `json:"apart,omitempty"`
	// Adopts tells that the filter was loaded by somebody else, see [Adopt].
	Adopts bool `json:"adopts,omitempty"`
}

// Tell makes a profile the plan's that was loaded by options with Texts, so
// that it is read only once where this process serves it itself.
func (p *Plan) Tell(profile *fakefs.Profile, source fakefs.LoadOptions) {
	if !profile.Empty() {
		p.loaded, p.Source = profile, &source
	}
}

// watched tells that somebody has to stay beside the command, if only to say that
// nothing was served.
func (p Plan) watched() bool {
	return p.Stats || p.StatsFile != "" || p.Metrics != "" || p.Log.File != ""
}

// Empty tells that there is nothing to serve.
func (p Plan) Empty() bool { return len(p.Profile) == 0 && p.Source == nil }

// profile is what is to be served.
func (p Plan) profile() (*fakefs.Profile, error) {
	switch {
	case p.loaded != nil:
		return p.loaded, nil
	case p.Source != nil:
		return fakefs.Load(*p.Source)
	}
	return fakefs.Parse("profile", p.Profile)
}

// LogPlan is the --log* flags. Level is a zerolog level; Format "console" or
// "json"; File empty for standard error.
type LogPlan struct {
	File   string `json:"file,omitempty"`
	Format string `json:"format"`
	Level  string `json:"level"`
}
