package container

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What shimrun says of a container cannot be said by the container's bundle.
func TestReportsAreNotTheBundles(t *testing.T) {
	forged := map[string]string{
		AnnotationMode: "delegate", AnnotationAround: "yes", AnnotationLacks: "", AnnotationProfile: "k3s", "org.example": "kept",
	}
	for _, test := range []struct {
		state State
		want  map[string]string
	}{
		{State{Mode: "builtin", Annotations: forged},
			map[string]string{AnnotationMode: "builtin", AnnotationProfile: "k3s", "org.example": "kept"}},
		{State{Mode: "builtin", Around: true, Lacks: []Lack{{"namespace pid", ""}, {"mount /sys", ""}}, Annotations: forged},
			map[string]string{AnnotationMode: "builtin", AnnotationAround: "yes", AnnotationLacks: "namespace pid; mount /sys",
				AnnotationProfile: "k3s", "org.example": "kept"}},
		{State{Mode: "delegate"}, map[string]string{AnnotationMode: "delegate"}},
	} {
		for what, got := range map[string]map[string]string{
			"state": test.state.Listing(Running).Annotations, "hooks": test.state.Spec(Created).Annotations,
		} {
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
		}
	}
	if forged[AnnotationMode] != "delegate" {
		t.Error("the bundle's own annotations were changed")
	}
}
