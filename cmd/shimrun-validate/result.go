package main

import (
	"encoding/json"
	"time"

	"github.com/shimrun/shimrun/cmd/shimrun-validate/server"
)

// result is all that was measured; --json writes it. Fields may be added;
// Schema counts up when one changes its meaning or goes.
type result struct {
	Schema      int         `json:"schema"`
	Experiment  string      `json:"experiment"`
	Begun       time.Time   `json:"begun"`
	Ended       time.Time   `json:"ended"`
	Interrupted bool        `json:"interrupted"`
	Environment environment `json:"environment"`
	Runs        []*run      `json:"runs"`
	Criteria    []criterion `json:"criteria"`
	Passed      bool        `json:"passed"`
	Sides       []side      `json:"sides"`
	// Agent tells whether the server was to be a node as well.
	Agent bool `json:"agent"`

	plan *plan
}

// run is one start of the server, or one go at a cluster that runs.
type run struct {
	Under   bool      `json:"under_shimrun"`
	Command []string  `json:"command,omitempty"`
	Begun   time.Time `json:"begun"`
	Steps   []step    `json:"steps"`
	Passed  bool      `json:"passed"`
	Looks   []look    `json:"looks,omitempty"`
	// Exit is the server's status; nil where none was started, or where it had
	// to be killed.
	Exit      *int     `json:"exit_status,omitempty"`
	Killed    bool     `json:"killed,omitempty"`
	Ran       float64  `json:"ran_seconds"`
	ServerCPU float64  `json:"server_cpu_seconds,omitempty"`
	Shimrun   *figures `json:"shimrun,omitempty"`
	LastLines []string `json:"last_lines,omitempty"`
	Server    string   `json:"server_version,omitempty"`
}

// step is one thing that was done. At counts seconds since the server was
// started, or since the run began where none was.
type step struct {
	Name   string  `json:"name"`
	Passed bool    `json:"passed"`
	Tried  bool    `json:"tried"`
	At     float64 `json:"at_seconds"`
	Took   float64 `json:"took_seconds"`
	Error  string  `json:"error,omitempty"`
}

// look is one turn of the stability loop.
type look struct {
	At         float64         `json:"at_seconds"`
	Took       float64         `json:"took_seconds"`
	Error      string          `json:"error,omitempty"`
	Restarts   int             `json:"restarts"` // of the pod's container, so far
	Supervisor *server.Process `json:"supervisor,omitempty"`
	Server     *server.Process `json:"server,omitempty"`
}

// figures is what shimrun says about itself: its --stats-file.
type figures struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	Calls []struct {
		Call      string `json:"call"`
		Seen      uint64 `json:"seen"`
		Continued uint64 `json:"continued"`
		Answered  uint64 `json:"answered"`
		Refused   uint64 `json:"refused"`
	} `json:"calls"`
	Latency *struct {
		P50     int64    `json:"p50_ns"`
		P99     int64    `json:"p99_ns"`
		Max     int64    `json:"max_ns"`
		Buckets []bucket `json:"buckets"`
	} `json:"latency"`
	Lies       map[string]uint64 `json:"lies"`
	Failed     map[string]uint64 `json:"failed"`
	Backend    string            `json:"backend"`
	Supervisor struct {
		PID         int   `json:"pid"`
		User        int64 `json:"user_ns"`
		System      int64 `json:"system_ns"`
		MaxResident int64 `json:"max_resident_bytes"`
		Descriptors int   `json:"descriptors"`
	} `json:"supervisor"`
}

type bucket struct {
	From  int64 `json:"from_ns"`
	To    int64 `json:"to_ns"`
	Count int64 `json:"count"`
}

// environment is where it was measured.
type environment struct {
	Command   []string          `json:"command"`
	Directory string            `json:"directory"`
	Validate  string            `json:"shimrun_validate"`
	Libraries map[string]string `json:"libraries"`
	Variables map[string]string `json:"variables"`
	Kernel    string            `json:"kernel"`
	CPUs      int               `json:"cpus"`
	Memory    int64             `json:"memory_bytes"`
	// Doctor is the whole of `shimrun doctor --json SERVER`.
	Doctor json.RawMessage `json:"doctor,omitempty"`
}

// criterion is one question with an answer.
type criterion struct {
	Name   string `json:"name"`
	Want   string `json:"want"`
	Got    string `json:"got"`
	Passed bool   `json:"passed"`
}

// side sums up all runs with shimrun, or all without.
type side struct {
	Under     bool        `json:"under_shimrun"`
	Runs      int         `json:"runs"`
	Succeeded int         `json:"succeeded"`
	Steps     []milestone `json:"steps"`
	// Stable is the longest time that a server ran without failure.
	Stable float64 `json:"stable_seconds"`

	Calls     uint64   `json:"interceptions,omitempty"`
	PerSecond float64  `json:"interceptions_per_second,omitempty"`
	P50       float64  `json:"p50_seconds,omitempty"`
	P99       float64  `json:"p99_seconds,omitempty"`
	Max       float64  `json:"max_seconds,omitempty"`
	Buckets   []bucket `json:"buckets,omitempty"`
	Told      uint64   `json:"told,omitempty"`
	Asked     uint64   `json:"asked,omitempty"`
	Success   float64  `json:"redirect_success,omitempty"`
	// CPUShare is shimrun's part of all CPU time that it and the server used.
	CPUShare float64 `json:"cpu_share,omitempty"`
	CPU      float64 `json:"server_cpu_seconds,omitempty"` // the median
}

// milestone sums up one step of all runs that came so far.
type milestone struct {
	Name     string  `json:"name"`
	Passed   int     `json:"passed"`
	Tried    int     `json:"tried"`
	At       float64 `json:"at_seconds"` // the median
	Earliest float64 `json:"earliest_seconds"`
	Latest   float64 `json:"latest_seconds"`
	Took     float64 `json:"took_seconds"` // the median
}
