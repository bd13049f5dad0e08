package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"runtime"
)

// image is what one is made from.
type image struct {
	repository, tag     string
	layers              [][]byte
	entrypoint, command []string
	env, user           string
}

// archive is an OCI image layout in a tar: blobs, and an index that names them.
type archive struct {
	tar   *tar.Writer
	err   error
	blobs map[string]bool
	index []descriptor
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar"
	// imageName is the annotation by which containerd's import names an image.
	imageName = "io.containerd.image.name"
)

func newArchive(out io.Writer) *archive {
	a := &archive{tar: tar.NewWriter(out), blobs: map[string]bool{}}
	a.file("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return a
}

// add adds an image under two names: by its tag and by its digest.
func (a *archive) add(i image) {
	var layers []descriptor
	var ids []string
	for _, content := range i.layers {
		blob := a.blob(typeLayer, content)
		layers, ids = append(layers, blob), append(ids, blob.Digest)
	}
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	if i.env != "" {
		env = append(env, i.env)
	}
	config := a.document(typeConfig, map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": i.entrypoint, "Cmd": i.command, "Env": env, "User": i.user, "WorkingDir": "/"},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": ids},
	})
	manifest := a.document(typeManifest, map[string]any{
		"schemaVersion": 2, "mediaType": typeManifest, "config": config, "layers": layers,
	})
	for _, name := range []string{i.repository + ":" + i.tag, i.repository + "@" + manifest.Digest} {
		named := manifest
		named.Annotations = map[string]string{imageName: name}
		a.index = append(a.index, named)
	}
}

func (a *archive) close() error {
	text, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": typeIndex, "manifests": a.index})
	if err != nil {
		return err
	}
	a.file("index.json", text)
	if a.err != nil {
		return a.err
	}
	return a.tar.Close()
}

func (a *archive) document(mediaType string, value any) descriptor {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // maps, slices and strings
	}
	return a.blob(mediaType, text)
}

func (a *archive) blob(mediaType string, content []byte) descriptor {
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	if !a.blobs[digest] {
		a.blobs[digest] = true
		a.file("blobs/sha256/"+digest, content)
	}
	return descriptor{MediaType: mediaType, Digest: "sha256:" + digest, Size: len(content)}
}

func (a *archive) file(name string, content []byte) {
	if a.err != nil {
		return
	}
	a.err = a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))})
	if a.err == nil {
		_, a.err = a.tar.Write(content)
	}
}
