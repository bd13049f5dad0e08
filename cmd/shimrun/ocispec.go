package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shimrun/shimrun/runtime/bundle"
)

// writeExample writes a config.json into the working directory, unless there is one.
func writeExample() error {
	text, err := json.MarshalIndent(bundle.Example(), "", "\t")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(bundle.ConfigName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("file %s exists. Remove it first", bundle.ConfigName)
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// writeSpecTo writes a specification into a bundle.
func writeSpecTo(dir string, spec any) error {
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, bundle.ConfigName), text, 0o600)
}

// unsupported says that a mode does not do something.
func unsupported(what, why string) error {
	return fmt.Errorf("%s is not supported: %s (see shimrun features)", what, why)
}
