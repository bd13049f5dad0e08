package builtin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/user"
)

// environment is a program's environment as runc gives it: of variables that are
// there twice the last counts, an empty HOME is the user's own, and what is no
// variable is refused. It is called in the container's root.
func environment(given []string, uid uint32) ([]string, error) {
	var env []string
	seen := map[string]bool{}
	for _, variable := range slices.Backward(given) {
		name, value, found := strings.Cut(variable, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("process.env: %q has not the form NAME=VALUE", variable)
		}
		if seen[name] || name == "HOME" && value == "" {
			continue
		}
		seen[name] = true
		env = append(env, variable)
	}
	slices.Reverse(env)
	if !seen["HOME"] {
		env = append(env, "HOME="+home(uid))
	}
	return env, nil
}

func home(uid uint32) string {
	u, err := user.GetExecUserPath(fmt.Sprint(uid), nil, "/etc/passwd", "/etc/group")
	if err != nil || u.Home == "" {
		return "/"
	}
	return u.Home
}
