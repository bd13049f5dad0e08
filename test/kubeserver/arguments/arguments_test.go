package arguments

import (
	"slices"
	"testing"
)

func TestUsersReplaceOurs(t *testing.T) {
	s := Set{"v": {"0"}, "root-dir": {"/ours"}, "feature-gates": {"A=true"}}
	err := s.Merge([]string{"feature-gates=B=true", "--v=4", "feature-gates=A=false", "fail-swap-on"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"--fail-swap-on=true", "--feature-gates=B=true", "--feature-gates=A=false", "--root-dir=/ours", "--v=4"}
	if got := s.List(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, bad := range []string{"", "--", "=1"} {
		if err := s.Merge([]string{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
