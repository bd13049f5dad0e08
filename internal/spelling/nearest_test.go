package spelling

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	words := []string{"doctor", "profile", "ps", "start", "state", "vm.max_map_count", "sysctls", "gvisor", "run"}
	for typed, want := range map[string]string{
		"doctro":                      "doctor",
		"profil":                      "profile",
		"porfile":                     "profile",
		"sysctl":                      "sysctls",
		"gvisr":                       "gvisor",
		"strat":                       "start",
		"stat":                        "start", // as near as state, and first
		"vm.max_map_cuont":            "vm.max_map_count",
		"rn":                          "run",
		"p":                           "",
		"ls":                          "", // half of ps is another
		"doctor":                      "",
		"dozens":                      "",
		"":                            "",
		strings.Repeat("doctro", 100): "",
	} {
		if got := Nearest(typed, words); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", typed, got, want)
		}
	}
}

func TestSlips(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"ab", "ba", 1}, {"abc", "abd", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := slips(c.a, c.b); got != c.want {
			t.Errorf("slips(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := slips(c.b, c.a); got != c.want {
			t.Errorf("slips(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
