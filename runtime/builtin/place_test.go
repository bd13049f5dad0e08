package builtin

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A name in a root leads nowhere but into it, whatever links there are and in
// whichever way they are followed.
func TestPlacesStayInside(t *testing.T) {
	for _, lexical := range []bool{false, true} {
		dir := t.TempDir()
		root, outside := filepath.Join(dir, "root"), filepath.Join(dir, "outside")
		if err := errors.Join(os.MkdirAll(filepath.Join(root, "real"), 0o755), os.Mkdir(outside, 0o755),
			os.WriteFile(filepath.Join(outside, "file"), nil, 0o644)); err != nil {
			t.Fatal(err)
		}
		for link, to := range map[string]string{
			"absolute": outside, "up": "../../../../../../../../../.." + outside, "in": "/real", "real/back": "..", "loop": "loop",
			"new": outside + "/new",
		} {
			if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
				t.Fatal(err)
			}
		}
		r, err := openRootfs(root)
		if err != nil {
			t.Fatal(err)
		}
		if r.lexical {
			t.Log("only by name here")
		}
		r.lexical = r.lexical || lexical
		for name, want := range map[string]string{
			"/in/made": "real/made", "in/../real/made2": "real/made2", "/real/back/real/made3": "real/made3",
			"/../../made4": "made4", "/a/b/c": "a/b/c", "/": "",
		} {
			f, err := r.place(name, true)
			if err != nil {
				t.Errorf("lexical %v, %s: %v", lexical, name, err)
				continue
			}
			got, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			there, err := os.Stat(filepath.Join(root, want))
			if err != nil || !os.SameFile(got, there) {
				t.Errorf("lexical %v, %s is not at %s: %v", lexical, name, want, err)
			}
			spot, err := os.Stat(r.spot(f))
			if err != nil || !os.SameFile(got, spot) {
				t.Errorf("lexical %v, %s is not at its spot: %v", lexical, name, err)
			}
			f.Close()
		}
		for _, name := range []string{"/absolute", "/absolute/made", "/up", "/up/made", "/new", "/new/made", "/absolute/file"} {
			for _, folder := range []bool{true, false} {
				if f, err := r.place(name, folder); err == nil {
					f.Close()
				}
			}
		}
		if f, err := r.place("/loop/x", true); err == nil {
			t.Errorf("lexical %v: a loop leads to %s", lexical, f.Name())
		}
		entries, err := os.ReadDir(outside)
		if err != nil || len(entries) != 1 {
			t.Errorf("lexical %v: made outside: %v, %v", lexical, entries, err)
		}
		if f, err := r.place("/file/below", false); err != nil {
			t.Errorf("lexical %v: %v", lexical, err)
		} else {
			f.Close()
		}
		r.Close()
	}
}
