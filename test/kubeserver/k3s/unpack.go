package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// unpack returns the folder of the bundle, which it makes unless it is there. Of
// several that start at once one unpacks, and the others wait.
func unpack(dataDir string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	archive, err := zip.OpenReader(self)
	if err != nil {
		return "", fmt.Errorf("%s has nothing packed behind it; test/kubeserver/build makes one that has: %w", self, err)
	}
	defer archive.Close()
	data := filepath.Join(dataDir, "data")
	dir := filepath.Join(data, identity(archive))
	if there(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(data, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", fmt.Errorf("%s: %w", lock.Name(), err)
	}
	if there(dir) {
		return dir, nil
	}
	fresh := dir + "-tmp"
	if err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(filepath.Join(fresh, "bin"), 0o755)); err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	for _, file := range archive.File {
		if err := extract(file, filepath.Join(fresh, "bin")); err != nil {
			return "", err
		}
	}
	current := filepath.Join(data, "current")
	if err := os.Rename(current, filepath.Join(data, "previous")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.Symlink(dir, current); err != nil {
		return "", err
	}
	return dir, os.Rename(fresh, dir)
}

func there(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "bin/k3s"))
	return err == nil
}

// identity is made of what the archive says of its files.
func identity(archive *zip.ReadCloser) string {
	sum := sha256.New()
	for _, file := range archive.File {
		fmt.Fprintln(sum, file.Name, file.Mode(), file.UncompressedSize64, file.CRC32)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func extract(file *zip.File, dir string) error {
	if !filepath.IsLocal(file.Name) {
		return fmt.Errorf("the bundle has a file %q", file.Name)
	}
	path := filepath.Join(dir, file.Name)
	in, err := file.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	if file.Mode().Type() == fs.ModeSymlink {
		target, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		return os.Symlink(string(target), path)
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
