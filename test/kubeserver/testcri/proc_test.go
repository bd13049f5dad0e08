package testcri

import (
	"os"
	"testing"
)

func TestParseStat(t *testing.T) {
	s, err := parseStat([]byte("12 (a) b) (c) S 1 12 7 0 -1 4194560 100 200 3 4 10 20 30 40 20 0 1 0 5555 1000 9 18446744073709551615 1"))
	if err != nil {
		t.Fatal(err)
	}
	want := procStat{session: 7, minflt: 100, majflt: 3, ticks: 100, start: 5555, rss: 9 * uint64(os.Getpagesize())}
	if s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	for _, bad := range []string{"", "12 (a)", "12 (a) S 1 x"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
