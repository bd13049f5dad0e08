package builtin

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// cover hides the bundle's masked paths, and keeps its read-only ones from writers.
func (i *initProcess) cover(root rootfs) {
	if i.Spec.Linux == nil {
		return
	}
	for _, path := range i.Spec.Linux.MaskedPaths {
		i.coverOne(root, "masked path ", path, func(f *os.File, folder bool) error {
			if folder {
				return os.NewSyscallError("mount", unix.Mount("tmpfs", root.spot(f), "tmpfs", unix.MS_RDONLY, ""))
			}
			return os.NewSyscallError("mount", unix.Mount("/dev/null", root.spot(f), "", unix.MS_BIND, ""))
		})
	}
	for _, path := range i.Spec.Linux.ReadonlyPaths {
		i.coverOne(root, "readonly path ", path, func(f *os.File, _ bool) error {
			if err := mountPlainly(root.spot(f), root.spot(f), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
				return err
			}
			again, err := root.open(path)
			if err != nil {
				return err
			}
			defer again.Close()
			return errors.Join(remount(root.spot(again), unix.MS_RDONLY), i.protectTrees(root, path, again))
		})
	}
}

// protectTrees makes read-only what of the machine's trees lies at a path: what
// is mounted in them is no mount of the bundle's, which would be left alone.
func (i *initProcess) protectTrees(root rootfs, path string, place *os.File) error {
	readOnly := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	var all []error
	for _, tree := range i.trees {
		if isBelow(path, tree) {
			return setTree(root, place, readOnly)
		}
		if isBelow(tree, path) {
			top, err := root.open(tree)
			if err == nil {
				err = setTree(root, top, readOnly)
				top.Close()
			}
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// isBelow tells whether a name is below another one, or the same.
func isBelow(name, top string) bool {
	below, err := filepath.Rel(top, name)
	return err == nil && filepath.IsLocal(below)
}

func (i *initProcess) coverOne(root rootfs, what, path string, with func(*os.File, bool) error) {
	f, err := root.open(path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return // there is nothing to cover
	}
	if err != nil {
		i.lack(what+path, err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = with(f, info.IsDir())
		root.covered(f)
	}
	if err != nil {
		i.lack(what+path, err)
	}
}
