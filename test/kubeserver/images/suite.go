package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	imageutils "k8s.io/kubernetes/test/utils/image"
)

// addSuite adds the images of upstream's suite, as the Dockerfiles beside their
// sources say. Their base is busybox where upstream's is Alpine or Debian; nginx is
// busybox's web server, with files where nginx has them.
//
// Layers and links are few: a snapshotter that copies, as a node in a sandbox has,
// makes each file again for each layer and each container.
func addSuite(a *archive, folder string) error {
	s := suite{archive: a, folder: folder}
	var err error
	s.busybox, err = findBusybox()
	if err != nil {
		return err
	}
	tools, err := readTools("curl", "bash")
	if err != nil {
		return err
	}
	agnhost := s.layer(func(l *files) {
		s.base(l)
		for _, path := range slices.Sorted(maps.Keys(tools)) {
			l.file(strings.TrimPrefix(path, "/"), 0o755, tools[path])
		}
		l.file("agnhost", 0o755, s.read("agnhost"))
		l.link("agnhost-2", "agnhost")
		l.file("localhost.crt", 0o644, s.read("localhost.crt"))
		l.file("localhost.key", 0o644, s.read("localhost.key"))
		l.dir("uploads", 0o755)
		l.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nuser-defined-in-image:x:1000:1000::/home:/bin/sh\n"))
		l.file("etc/group", 0o644, []byte("root:x:0:\nuser-defined-in-image:x:1000:\ngroup-defined-in-image:x:50000:user-defined-in-image\n"))
	})
	for _, id := range []imageutils.ImageID{imageutils.Agnhost, imageutils.AgnhostPrev} {
		s.add(id, image{entrypoint: []string{"/agnhost"}, command: []string{"pause"}, layers: [][]byte{agnhost}})
	}
	pet := func(id imageutils.ImageID, name string) {
		page := s.layer(func(l *files) {
			l.file(name+".jpg", 0o644, s.read(name+"/"+name+".jpg"))
			l.file("data.json", 0o644, s.read(name+"/data.json"))
		})
		s.add(id, image{entrypoint: []string{"/agnhost"}, command: []string{"test-webserver"}, layers: [][]byte{agnhost, page}})
	}
	pet(imageutils.Kitten, "kitten")
	pet(imageutils.Nautilus, "nautilus")

	base := [][]byte{s.layer(s.base)}
	shell := []string{"sh"}
	s.add(imageutils.BusyBox, image{command: shell, layers: base})
	s.add(imageutils.IpcUtils, image{command: shell, layers: base})
	s.add(imageutils.NonRoot, image{command: shell, layers: base, user: "1234"})
	const pages = "usr/share/nginx/html"
	nginx := image{command: []string{"httpd", "-f", "-p", "80", "-h", "/" + pages}, layers: [][]byte{s.layer(func(l *files) {
		s.base(l)
		l.dir(pages, 0o755)
		l.file(pages+"/index.html", 0o644, []byte("<h1>Welcome to nginx!</h1>\n"))
	})}}
	s.add(imageutils.Nginx, nginx)
	s.add(imageutils.NginxNew, nginx)
	s.add(imageutils.Pause, image{entrypoint: []string{"/pause"}, layers: [][]byte{s.layer(func(l *files) {
		l.file("pause", 0o755, s.read("pause"))
	})}})
	s.add(imageutils.Nonewprivs, image{command: []string{"nnp"}, layers: [][]byte{s.layer(func(l *files) {
		s.base(l)
		l.file("usr/local/bin/nnp", 0o4755, s.read("nonewprivs"))
	})}})
	s.add(imageutils.RegressionIssue74839, image{entrypoint: []string{"/regression-issue-74839"}, layers: [][]byte{s.layer(func(l *files) {
		s.base(l)
		l.file("regression-issue-74839", 0o755, s.read("regression-issue-74839"))
	})}})
	return s.err
}

// baseNames are the programs of busybox that pods start.
var baseNames = strings.Fields(`[ ash awk base64 basename cat chgrp chmod chown clear cmp cp cut date dd df dirname du
	echo env expr false find free getopt grep gunzip gzip head hostname httpd id ifconfig ip kill killall
	ln ls md5sum mkdir mknod mktemp mount mv nc netstat nslookup od ping printf ps pwd readlink realpath rm
	rmdir sed seq sh sha256sum sleep sort stat stty su sync sysctl tail tar tee test time timeout top touch tr true
	tty umount uname uniq uptime usleep vi wc wget which whoami xargs yes`)

// suite adds images until something is missing.
type suite struct {
	*archive
	busybox *busybox
	folder  string
	err     error
}

func (s *suite) base(l *files) { s.busybox.add(l, baseNames) }

// add gives the image the name that the suite asks for, inside too: versions of an
// image are different ones.
func (s *suite) add(id imageutils.ImageID, i image) {
	name := imageutils.GetE2EImage(id)
	colon := strings.LastIndex(name, ":")
	i.repository, i.tag, i.env = name[:colon], name[colon+1:], "IMAGE="+name
	s.archive.add(i)
}

func (s *suite) layer(fill func(*files)) []byte {
	content, err := layer(fill)
	s.fail(err)
	return content
}

func (s *suite) read(name string) []byte {
	content, err := os.ReadFile(filepath.Join(s.folder, name))
	s.fail(err)
	return content
}

func (s *suite) fail(err error) {
	if s.err == nil && err != nil {
		s.err = fmt.Errorf("an image of the suite: %w", err)
	}
}
