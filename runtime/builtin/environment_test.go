package builtin

import (
	"slices"
	"testing"
)

func TestEnvironment(t *testing.T) {
	for name, test := range map[string]struct {
		uid  uint32
		env  []string
		want []string
	}{
		"root's own":         {0, []string{"A=b"}, []string{"A=b", "HOME=/root"}},
		"nobody's entry":     {4_000_000_000, nil, []string{"HOME=/"}},
		"given":              {0, []string{"HOME=/given", "A=b"}, []string{"HOME=/given", "A=b"}},
		"given, and empty":   {0, []string{"HOME=", "A="}, []string{"A=", "HOME=/root"}},
		"one that begins so": {0, []string{"HOMES=x"}, []string{"HOMES=x", "HOME=/root"}},
		"one that ends so":   {0, []string{"A=HOME=x"}, []string{"A=HOME=x", "HOME=/root"}},
		"the last of two":    {0, []string{"HOME=/a", "A=1", "HOME=/b", "B=", "A=2"}, []string{"HOME=/b", "B=", "A=2"}},
	} {
		got, err := environment(slices.Clone(test.env), test.uid)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, variable := range []string{"", "A", "=b"} {
		if got, err := environment([]string{"C=d", variable}, 0); err == nil {
			t.Errorf("%q: %q", variable, got)
		}
	}
}
