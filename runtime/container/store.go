package container

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Errors of this package, in runc's words: callers compare them.
var (
	ErrNotExist = errors.New("container does not exist")
	ErrExist    = errors.New("container with given ID already exists")
	ErrInvalid  = errors.New("invalid container ID format")
	ErrEmptyID  = errors.New("container id cannot be empty")
)

// Store is the folder that holds all containers.
type Store struct{ Root string }

// NewStore is the store in a folder, which is made when it is needed.
func NewStore(root string) (Store, error) {
	root, err := filepath.Abs(root)
	return Store{root}, err
}

// idForm is what runc takes.
var idForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w+.-]+$`) })

// CheckID refuses names that are no container's. They are names of files too.
func CheckID(id string) error {
	switch {
	case id == "":
		return ErrEmptyID
	case id == ".", id == "..", len(id) > 255, !idForm().MatchString(id):
		return fmt.Errorf("%w: %q; letters, digits and _+.- are allowed", ErrInvalid, id)
	}
	return nil
}

// Names of the files in a container's folder.
const (
	lockName    = "lock"
	stateName   = "state.json"
	configName  = "config.json"
	waitingName = "waiting"
	startName   = "start"
	logName     = "shim.log"
	serving     = "supervisor-"
)

// Container is one container, and maybe its lock.
type Container struct {
	State
	store Store
	dir   string
	lock  *os.File
}

// Dir is the folder of the container's own files.
func (c *Container) Dir() string { return c.dir }

// WaitingName is the file that the container's process locks until its execve.
func (c *Container) WaitingName() string { return filepath.Join(c.dir, waitingName) }

// StartName is the FIFO that lets the process go on.
func (c *Container) StartName() string { return filepath.Join(c.dir, startName) }

// LogName is where the container's supervisors log.
func (c *Container) LogName() string { return filepath.Join(c.dir, logName) }

// Open reads a container, without its lock.
func (s Store) Open(id string) (*Container, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	c := &Container{store: s, dir: filepath.Join(s.Root, id)}
	return c, c.read()
}

func (c *Container) read() error {
	text, err := os.ReadFile(filepath.Join(c.dir, stateName))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return ErrNotExist
	}
	if err != nil {
		return err
	}
	c.State = State{}
	if err := json.Unmarshal(text, &c.State); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(c.dir, stateName), err)
	}
	return nil
}

// Lock is Open with the container's lock, for whoever changes it.
func (s Store) Lock(id string) (*Container, error) {
	c, err := s.Open(id)
	if err != nil {
		return nil, err
	}
	if c.lock, err = lockFile(filepath.Join(c.dir, lockName), unix.LOCK_EX); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrNotExist
		}
		return nil, err
	}
	// It may have changed, or gone and come back, while we waited.
	if err := c.read(); err != nil {
		c.Unlock()
		return nil, err
	}
	return c, nil
}

// Unlock gives the lock back.
func (c *Container) Unlock() {
	if c.lock != nil {
		c.lock.Close()
		c.lock = nil
	}
}

// Create makes a container's folder, with its lock held. What a creator left
// behind that died before it had written anything is taken over.
func (s Store) Create(id string) (*Container, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.Root, 0o711); err != nil {
		return nil, err
	}
	c := &Container{store: s, dir: filepath.Join(s.Root, id)}
	var err error
	for c.lock == nil {
		if err = os.Mkdir(c.dir, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		// Between the two somebody may have removed it.
		c.lock, err = lockFile(filepath.Join(c.dir, lockName), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, ErrExist
	}
	if err != nil {
		return nil, err
	}
	if err := c.read(); !errors.Is(err, ErrNotExist) {
		c.Unlock()
		return nil, ErrExist
	}
	c.ID = id
	c.UID = os.Getuid()
	if c.Creator, err = Find(os.Getpid()); err == nil {
		err = mkfifo(c.StartName())
	}
	if err != nil {
		_ = c.Remove()
		return nil, err
	}
	return c, nil
}

func mkfifo(name string) error {
	_ = os.Remove(name)
	if err := unix.Mkfifo(name, 0o600); err != nil {
		return &os.PathError{Op: "mkfifo", Path: name, Err: err}
	}
	return nil
}

// Save writes state.json.
func (c *Container) Save() error {
	text, err := json.Marshal(c.State)
	if err != nil {
		return err
	}
	return replace(filepath.Join(c.dir, stateName), text)
}

// SaveSpec keeps the specification that the container is made of.
func (c *Container) SaveSpec(spec *specs.Spec) error {
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return replace(filepath.Join(c.dir, configName), text)
}

// Spec reads it back.
func (c *Container) LoadSpec() (*specs.Spec, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, configName))
	if err != nil {
		return nil, err
	}
	var spec specs.Spec
	return &spec, json.Unmarshal(text, &spec)
}

// AddSupervisor notes a supervisor of a further process. It needs no lock.
func (c *Container) AddSupervisor(p Process) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return replace(filepath.Join(c.dir, fmt.Sprintf("%s%d", serving, p.PID)), text)
}

// Supervisors are all that serve the container now.
func (c *Container) Supervisors() []Process {
	all := []Process{c.Supervisor}
	names, _ := filepath.Glob(filepath.Join(c.dir, serving+"*"))
	for _, name := range names {
		var p Process
		text, err := os.ReadFile(name)
		if err != nil || json.Unmarshal(text, &p) != nil {
			continue
		}
		if p.Alive() {
			all = append(all, p)
		} else {
			_ = os.Remove(name)
		}
	}
	return slices.DeleteFunc(all, func(p Process) bool { return !p.Alive() })
}

// Others are the other containers below the same root.
func (c *Container) Others() []*Container {
	all, _ := c.store.List()
	return slices.DeleteFunc(all, func(other *Container) bool { return other.ID == c.ID })
}

// replace writes a file so that a reader sees the old or the new one.
func replace(name string, text []byte) error {
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// Remove forgets the container. Its name is free at once, and before anything is
// removed: who makes another one of that name meanwhile has a folder of its own.
func (c *Container) Remove() error {
	defer c.Unlock()
	err := os.Rename(c.dir, filepath.Join(c.store.Root, removedPrefix+rand.Text()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// And what others have left that were killed here.
	entries, err := os.ReadDir(c.store.Root)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), removedPrefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(c.store.Root, entry.Name())))
		}
	}
	return err
}

// removedPrefix begins the names of folders that are being removed. No container
// can be called so.
const removedPrefix = "removed~"

// List opens all containers, in the order of their names. Those whose state
// cannot be read are left out, and the error says so of each.
func (s Store) List() ([]*Container, error) {
	entries, err := os.ReadDir(s.Root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []*Container
	var unread []error
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		c, err := s.Open(entry.Name())
		if errors.Is(err, ErrNotExist) || errors.Is(err, ErrInvalid) {
			continue // just gone, or just about to come
		}
		if err != nil {
			unread = append(unread, err)
			continue
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *Container) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return all, errors.Join(unread...)
}
