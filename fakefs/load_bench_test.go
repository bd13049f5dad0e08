package fakefs

import "testing"

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(LoadOptions{Profiles: []string{"k3s"}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTree(b *testing.B) {
	p, err := Load(LoadOptions{Profiles: []string{"k3s"}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := p.Tree(fakeMachine(gvisorMounts)); err != nil {
			b.Fatal(err)
		}
	}
}
