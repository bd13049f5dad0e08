package testcri

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"k8s.io/klog/v2"
)

// store keeps records on disk:
//
//	sandboxes/ID/{config,record}.json
//	containers/ID/{config,record}.json
//	containers/ID/root/               what the container has as its root
//
// The config is what kubelet sent, the record what became of it.
type store struct{ dir string }

const (
	sandboxKind   = "sandboxes"
	containerKind = "containers"
)

func (s *store) path(kind, id string, names ...string) string {
	return filepath.Join(append([]string{s.dir, kind, id}, names...)...)
}

func (s *store) saveConfig(kind, id string, config proto.Message) error {
	data, err := protojson.Marshal(config)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.path(kind, id), 0o755); err != nil {
		return err
	}
	return replace(s.path(kind, id, "config.json"), data)
}

// saveRecord comes after saveConfig, and makes the pair valid.
func (s *store) saveRecord(kind, id string, record any) error {
	data, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return replace(s.path(kind, id, "record.json"), data)
}

// load calls each with the ids of a kind, and removes what was never saved as a
// whole.
func (s *store) load(kind string, each func(id string) error) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, kind))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if err := each(entry.Name()); err != nil {
			klog.ErrorS(err, "Forgetting what cannot be read", "kind", kind, "id", entry.Name())
			if err := s.remove(kind, entry.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *store) read(kind, id string, config proto.Message, record any) error {
	data, err := os.ReadFile(s.path(kind, id, "config.json"))
	if err != nil {
		return err
	}
	// A newer kubelet may have written it.
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, config); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	data, err = os.ReadFile(s.path(kind, id, "record.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, record); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

// remove does not follow the links in a container's root: they are removed, and
// what they lead to stays.
func (s *store) remove(kind, id string) error {
	return os.RemoveAll(s.path(kind, id))
}

// replace writes a file as a whole.
func replace(path string, data []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}
