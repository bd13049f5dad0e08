package container

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A status follows from who lives and who holds the lock, and from nothing else.
func TestStatus(t *testing.T) {
	_, alive := sleeper(t)
	dead := Process{alive.PID, alive.Start + 1} // its number has come to another one
	for name, test := range map[string]struct {
		creator, init Process
		ready, waits  bool
		want          Status
	}{
		"just begun":                        {alive, Process{}, false, false, Creating},
		"its creator died":                  {dead, Process{}, false, false, Stopped},
		"being made":                        {alive, alive, false, true, Creating},
		"being made, without its creator":   {dead, alive, false, true, Creating},
		"its process died while it is made": {alive, dead, false, false, Stopped},
		"made":                              {dead, alive, true, true, Created},
		"started":                           {dead, alive, true, false, Running},
		"ended":                             {dead, dead, true, false, Stopped},
		"ended with somebody at its lock":   {dead, dead, true, true, Stopped},
		"made by a runtime that knows it":   {alive, Process{}, true, false, Stopped},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Store{t.TempDir()}.Create("c")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Unlock()
			c.Creator, c.Init, c.Ready = test.creator, test.init, test.ready
			if test.waits {
				lock, err := lockFile(c.WaitingName(), unix.LOCK_EX)
				if err != nil {
					t.Fatal(err)
				}
				defer lock.Close()
			}
			if got := c.Status(); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			// What hooks and users read agrees with it.
			listing := c.Listing(c.Status())
			if listing.Status != test.want || (listing.PID == 0) != (test.want == Stopped || test.init.PID == 0) {
				t.Errorf("listed as %+v", listing)
			}
		})
	}
}
