package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// Variables that a server or shimrun may look at.
var telling = regexp.MustCompile(`^(SHIMRUN_|K3S_|CONTAINERD_|GOMAXPROCS=|GOMEMLIMIT=|GOGC=|GODEBUG=)`)

// Modules whose versions matter for what is measured.
var libraries = []string{"helm.sh/helm/v3", "k8s.io/client-go"}

func environmentOf(ctx context.Context, p *plan) environment {
	e := environment{
		Command: p.command, Validate: version, CPUs: runtime.NumCPU(),
		Libraries: map[string]string{"go": runtime.Version()}, Variables: map[string]string{},
	}
	e.Directory, _ = os.Getwd()
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			for _, name := range libraries {
				if m.Path == name {
					e.Libraries[name] = m.Version
				}
			}
		}
	}
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); telling.MatchString(v) && !strings.Contains(name, "TOKEN") && !strings.Contains(name, "SECRET") {
			e.Variables[name] = value
		}
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		e.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		e.Memory = int64(info.Totalram) * int64(info.Unit)
	}
	if len(p.under) > 0 && len(p.server) > 0 {
		out, _ := exec.CommandContext(ctx, p.under[0], "doctor", "--json", p.server[0]).Output()
		if json.Valid(out) {
			e.Doctor = json.RawMessage(out)
		}
	}
	return e
}

// doctor is what a report quotes of `shimrun doctor --json`.
type doctor struct {
	Shimrun string `json:"shimrun"`
	Machine struct {
		Kernel struct {
			Sysname string `json:"sysname"`
			Release string `json:"release"`
			Version string `json:"version"`
			Machine string `json:"machine"`
		} `json:"kernel"`
		Root struct {
			Type   string `json:"type"`
			Source string `json:"source"`
		} `json:"root"`
		UID          int      `json:"uid"`
		Capabilities []string `json:"capabilities"`
	} `json:"machine"`
	Backend  string `json:"backend"`
	Profiles []struct {
		Name    string   `json:"name"`
		Because []string `json:"because"`
	} `json:"profiles"`
	Facts []struct {
		Name   string `json:"name"`
		Answer string `json:"answer"`
	} `json:"facts"`
}

func (e *environment) doctor() (d doctor, ok bool) {
	return d, len(e.Doctor) > 0 && json.Unmarshal(e.Doctor, &d) == nil
}
