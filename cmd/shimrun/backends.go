package main

import (
	"fmt"
	"strings"

	"github.com/shimrun/shimrun/runtime"
)

// backends are all there are, in the order in which auto tries them.
type backends []backend

// backend is one way to intercept calls, and whether it works here.
type backend struct {
	Name  string `json:"name"`
	Works bool   `json:"works"`
	// Detail says what it lacks.
	Detail string `json:"detail,omitempty"`
}

func probeBackends() backends {
	var all backends
	for _, report := range runtime.Probe() {
		b := backend{Name: report.Name, Works: report.Err == nil}
		if report.Err != nil {
			b.Detail = oneLine(report.Err)
		}
		all = append(all, b)
	}
	return all
}

// choose takes the backend that was asked for, or with auto the first that works.
func (all backends) choose(name string) (backend, error) {
	var lacks []string
	for _, b := range all {
		if name != runtime.BackendAuto && name != b.Name {
			continue
		}
		if b.Works {
			return b, nil
		}
		lacks = append(lacks, b.Name+": "+b.Detail)
	}
	return backend{}, fmt.Errorf("no backend works here; %s", strings.Join(lacks, "; "))
}

// why explains a choice.
func (all backends) why(name string) string {
	var lacks []string
	switch {
	case name != runtime.BackendAuto:
		return "asked for"
	case len(all) > 0 && all[0].Works:
		return "a program was run under it and served"
	}
	for _, b := range all {
		if !b.Works {
			lacks = append(lacks, b.Name+" does not work: "+b.Detail)
		}
	}
	return strings.Join(lacks, "; ")
}
