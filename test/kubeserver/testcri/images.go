package testcri

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// imageSize is what each image is said to take.
const imageSize = 1 << 20

// images answers the ImageService: every image that is asked for exists. The
// list has those that were pulled since the start.
type images struct {
	runtimeapi.UnimplementedImageServiceServer
	root string

	mu     sync.Mutex
	pulled map[string]*runtimeapi.Image // by id
}

func newImages(root string) *images {
	return &images{root: root, pulled: map[string]*runtimeapi.Image{}}
}

// imageID is the same for all writings of a name, and the id itself.
func imageID(name string) string {
	if strings.HasPrefix(name, "sha256:") {
		return name
	}
	sum := sha256.Sum256([]byte(fullName(name)))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// fullName has a tag or a digest.
func fullName(name string) string {
	last := name[strings.LastIndexByte(name, '/')+1:]
	if strings.ContainsAny(last, ":@") {
		return name
	}
	return name + ":latest"
}

func newImage(spec *runtimeapi.ImageSpec) *runtimeapi.Image {
	name := spec.GetImage()
	image := &runtimeapi.Image{Id: imageID(name), Size: imageSize, Spec: spec}
	if name != image.Id {
		image.RepoTags = []string{fullName(name)}
	}
	return image
}

func (i *images) ListImages(_ context.Context, req *runtimeapi.ListImagesRequest) (*runtimeapi.ListImagesResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if name := req.GetFilter().GetImage().GetImage(); name != "" {
		image := i.pulled[imageID(name)]
		if image == nil {
			return &runtimeapi.ListImagesResponse{}, nil
		}
		return &runtimeapi.ListImagesResponse{Images: []*runtimeapi.Image{image}}, nil
	}
	return &runtimeapi.ListImagesResponse{Images: slices.Collect(maps.Values(i.pulled))}, nil
}

// ImageStatus says that an image is missing until it is pulled, so that pulling
// is tested too.
func (i *images) ImageStatus(_ context.Context, req *runtimeapi.ImageStatusRequest) (*runtimeapi.ImageStatusResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return &runtimeapi.ImageStatusResponse{Image: i.pulled[imageID(req.GetImage().GetImage())]}, nil
}

func (i *images) PullImage(_ context.Context, req *runtimeapi.PullImageRequest) (*runtimeapi.PullImageResponse, error) {
	image := newImage(req.GetImage())
	i.mu.Lock()
	defer i.mu.Unlock()
	i.pulled[image.Id] = image
	return &runtimeapi.PullImageResponse{ImageRef: image.Id}, nil
}

func (i *images) RemoveImage(_ context.Context, req *runtimeapi.RemoveImageRequest) (*runtimeapi.RemoveImageResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.pulled, imageID(req.GetImage().GetImage()))
	return &runtimeapi.RemoveImageResponse{}, nil
}

// ImageFsInfo names the file system that the root is on: kubelet asks cAdvisor
// for its size, which is where a 9p mount is found out.
func (i *images) ImageFsInfo(context.Context, *runtimeapi.ImageFsInfoRequest) (*runtimeapi.ImageFsInfoResponse, error) {
	i.mu.Lock()
	count := uint64(len(i.pulled))
	i.mu.Unlock()
	bytes, inodes := diskUsage(i.root)
	now := time.Now().UnixNano()
	id := &runtimeapi.FilesystemIdentifier{Mountpoint: i.root}
	return &runtimeapi.ImageFsInfoResponse{
		ImageFilesystems: []*runtimeapi.FilesystemUsage{{
			Timestamp: now, FsId: id, UsedBytes: value(count * imageSize), InodesUsed: value(count),
		}},
		ContainerFilesystems: []*runtimeapi.FilesystemUsage{{
			Timestamp: now, FsId: id, UsedBytes: value(bytes), InodesUsed: value(inodes),
		}},
	}, nil
}
