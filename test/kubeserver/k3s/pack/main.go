// Command pack puts a folder's files behind a program, in an archive that is
// found from the end, so that the program can be executed as before.
//
//	pack PROGRAM FOLDER OUTPUT
//
// They are not compressed: this is for tests on one machine.
package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: pack PROGRAM FOLDER OUTPUT")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// pack writes a file of its own first: an OUTPUT that runs stays as it is.
func pack(program, folder, output string) error {
	out, err := os.CreateTemp(filepath.Dir(output), filepath.Base(output))
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	size, err := appendFile(out, program)
	if err != nil {
		return err
	}
	archive := zip.NewWriter(out)
	archive.SetOffset(size)
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		if err == nil {
			err = add(archive, filepath.Join(folder, entry.Name()))
		}
	}
	if err := errors.Join(err, archive.Close(), out.Chmod(0o755), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), output)
}

func add(archive *zip.Writer, path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	header, err := zip.FileInfoHeader(info)
	if err != nil {
		return err
	}
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	if info.Mode().Type() == fs.ModeSymlink {
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(entry, strings.NewReader(target))
		return err
	}
	_, err = appendFile(entry, path)
	return err
}

func appendFile(out io.Writer, path string) (int64, error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	return io.Copy(out, in)
}
