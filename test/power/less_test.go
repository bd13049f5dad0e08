package power

import "path"

// Where less is achieved under the shim than without it, and why that is right.
var less = []struct {
	act, caller, ground string // patterns of package path
	reason              string
}{}

// lesser gives the reason why an act may achieve less, or "".
func lesser(act, caller, ground string) string {
	for _, l := range less {
		if matches(l.act, act) && matches(l.caller, caller) && matches(l.ground, ground) {
			return l.reason
		}
	}
	return ""
}

func matches(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	ok, err := path.Match(pattern, name)
	if err != nil {
		panic(err)
	}
	return ok
}
