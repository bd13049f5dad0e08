package textfile

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, size int64) string {
		if err := os.WriteFile(in(name), []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(in(name), size); err != nil {
			t.Fatal(err)
		}
		return in(name)
	}
	if err := unix.Mkfifo(in("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", in("link")); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", in("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, c := range []struct {
		name string
		want int // bytes, where there is no error
		err  error
	}{
		{write("file", 4), 4, nil},
		{write("empty", 0), 0, nil},
		{write("full", 100), 100, nil},
		{write("long", 101), 0, new(TooLongError)},
		{write("sparse", 1<<40), 0, new(TooLongError)},
		{"/dev/null", 0, nil},
		{"/dev/zero", 0, ErrDevice},
		{"/dev/full", 0, ErrDevice},
		{in("link"), 0, ErrDevice},
		{in("fifo"), 0, ErrFIFO},
		{in("socket"), 0, ErrSocket},
		{dir, 0, ErrDirectory},
		{in("none"), 0, os.ErrNotExist},
		{in("file/below"), 0, unix.ENOTDIR},
	} {
		start := time.Now()
		text, err := Read(c.name, 100)
		var long *TooLongError
		switch {
		case errors.As(c.err, &long):
			if !errors.As(err, &long) {
				t.Errorf("%s: %v, want that it is too long", c.name, err)
			}
		case !errors.Is(err, c.err) || len(text) != c.want:
			t.Errorf("%s: %d bytes, %v; want %d, %v", c.name, len(text), err, c.want, c.err)
		}
		if err != nil && !errors.As(err, new(*os.PathError)) {
			t.Errorf("%s: %v names no file", c.name, err)
		}
		if since := time.Since(start); since > Patience/2 {
			t.Errorf("%s: took %v", c.name, since)
		}
	}
}

// What is in a pipe comes by and by.
func TestReadPipe(t *testing.T) {
	for _, c := range []struct {
		pieces []string
		err    error
	}{{[]string{"name", ": x"}, nil}, {nil, ErrEmptyPipe}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer w.Close()
			for _, piece := range c.pieces {
				time.Sleep(10 * time.Millisecond)
				_, _ = w.WriteString(piece)
			}
		}()
		text, err := Read(fmt.Sprintf("/proc/self/fd/%d", r.Fd()), 100)
		r.Close()
		if !errors.Is(err, c.err) || err == nil && string(text) != "name: x" {
			t.Errorf("%q: %q, %v; want %v", c.pieces, text, err, c.err)
		}
	}
}
