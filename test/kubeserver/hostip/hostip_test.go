package hostip

import "testing"

func TestIn(t *testing.T) {
	for _, c := range []struct {
		cidr string
		n    byte
		want string
	}{
		{"10.43.0.0/16", 1, "10.43.0.1"},
		{"10.43.0.7/16", 10, "10.43.0.10"},
		{"10.0.0.250/31", 10, "10.0.1.4"},
		{"fd00::/108", 10, "fd00::a"},
	} {
		if ip, err := In(c.cidr, c.n); err != nil || ip.String() != c.want {
			t.Errorf("In(%q, %d) = %v, %v; want %s", c.cidr, c.n, ip, err, c.want)
		}
	}
	if _, err := In("10.43.0.0", 1); err == nil {
		t.Error("an address was taken for a network")
	}
}
