package fakefs

import (
	"embed"
	"io/fs"
	"strings"
	"sync"
)

//go:embed profiles/*.yaml
var builtinFiles embed.FS

// Schema is the JSON schema of profiles (draft 2020-12).
//
//go:embed profile.schema.json
var Schema []byte

// Builtins are the names of the profiles that shimrun brings along, sorted.
func Builtins() []string {
	entries, err := builtinFiles.ReadDir("profiles")
	if err != nil {
		panic(err) // embedded: cannot fail
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Builtin is a built-in profile as it was written, comments and all. The error
// is fs.ErrNotExist for a name that is not in [Builtins].
func Builtin(name string) ([]byte, error) {
	data, err := builtinFiles.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		return nil, &fs.PathError{Op: "profile", Path: name, Err: fs.ErrNotExist}
	}
	return data, nil
}

var builtinCache sync.Map // name → *Profile, decoded and not merged

// mustBuiltin is a built-in profile, decoded.
func mustBuiltin(name string) *Profile {
	if p, ok := builtinCache.Load(name); ok {
		return p.(*Profile)
	}
	p := compiled[name]()
	builtinCache.Store(name, p)
	return p
}

// builtinFile is the file that places in a built-in profile name; no path can
// be the same.
func builtinFile(name string) string { return "built-in:" + name + ".yaml" }
