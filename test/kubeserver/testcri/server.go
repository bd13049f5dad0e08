package testcri

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/shimrun/shimrun/test/kubeserver/testcri/streams"
	"google.golang.org/grpc"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/klog/v2"
)

// Config is what a runtime can be told.
type Config struct {
	Root   string // state and the containers' folders
	Socket string // the unix socket to listen on
	PodIP  net.IP // what pods are said to have
}

// Run serves until ctx ends, and then ends all containers. It calls ready when
// it listens.
func Run(ctx context.Context, c Config, ready func(net.Addr)) error {
	root, err := filepath.Abs(c.Root)
	if err != nil {
		return err
	}
	c.Root = root
	listener, err := listen(c.Socket)
	if err != nil {
		return err
	}
	runtime, err := newRuntime(c)
	if err != nil {
		listener.Close()
		return err
	}
	defer runtime.close()

	streams, err := serveStreams(runtime)
	if err != nil {
		listener.Close()
		return err
	}
	defer streams.Close()

	server := grpc.NewServer()
	runtimeapi.RegisterRuntimeServiceServer(server, runtime)
	runtimeapi.RegisterImageServiceServer(server, runtime.images)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		server.Stop() // a kubelet that waits for an answer asks again
	}()
	klog.InfoS("The container runtime listens", "socket", c.Socket, "root", c.Root)
	ready(listener.Addr())
	err = server.Serve(listener)
	if ctx.Err() == nil {
		return fmt.Errorf("container runtime: %w", err)
	}
	<-stopped
	return nil
}

// listen takes over the socket that an earlier runtime left, but not one that
// somebody answers on.
func listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return nil, fmt.Errorf("%s: another runtime listens there", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return net.Listen("unix", path)
}

// serveStreams serves exec, attach and port-forward, for which CRI hands out
// URLs.
func serveStreams(r *Runtime) (*http.Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("streams: %w", err)
	}
	config := streams.DefaultConfig
	config.BaseURL = &url.URL{Scheme: "http", Host: listener.Addr().String()}
	r.streams, err = streams.NewServer(config, streamer{r})
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("streams: %w", err)
	}
	server := &http.Server{Handler: r.streams, ReadHeaderTimeout: time.Minute}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			klog.ErrorS(err, "Streams end")
		}
	}()
	return server, nil
}
