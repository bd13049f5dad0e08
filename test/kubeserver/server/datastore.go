package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/k3s-io/kine/pkg/drivers"
	"github.com/k3s-io/kine/pkg/drivers/sqlite"
	kine "github.com/k3s-io/kine/pkg/server"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// kineDefaults are those of kine's own command, but for what is new in a version:
// see pollEvery.
var kineDefaults = drivers.Config{
	CompactInterval:  5 * time.Minute,
	CompactTimeout:   5 * time.Second,
	CompactMinRetain: 1000,
	CompactBatchSize: 1000,
	PollBatchSize:    500,
}

// sqliteParameters are k3s's.
const sqliteParameters = "_journal=WAL&cache=shared&_busy_timeout=30000&_txlock=immediate"

const (
	// emulatedEtcd is the version that kine says it is: one with progress
	// notifications for watches, which the API server's cache asks for.
	emulatedEtcd   = "3.5.13"
	notifyInterval = 5 * time.Second
	maxResponse    = 1<<31 - 1
)

// datastore is kine on SQLite, which k3s has where there is one server.
type datastore struct {
	server *grpc.Server
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// startDatastore returns when clients can connect to the socket.
func startDatastore(c *Config) (*datastore, error) {
	if err := os.MkdirAll(c.datastoreDir(), 0o700); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &datastore{cancel: cancel}
	config := kineDefaults
	config.DataSourceName = c.datastoreDir() + "/state.db?" + sqliteParameters
	pollEvery(&config, time.Second)
	_, backend, err := sqlite.New(ctx, &d.done, &config)
	if err == nil {
		err = backend.Start(ctx)
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("datastore: %w", err)
	}
	// A socket that is left of an earlier server.
	if err := os.Remove(c.datastoreSocket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		cancel()
		return nil, err
	}
	listener, err := net.Listen("unix", c.datastoreSocket())
	if err != nil {
		cancel()
		return nil, fmt.Errorf("datastore: %w", err)
	}
	// As kine's own endpoint has them.
	d.server = grpc.NewServer(
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: embed.DefaultGRPCKeepAliveMinTime}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time:    embed.DefaultGRPCKeepAliveInterval,
			Timeout: embed.DefaultGRPCKeepAliveTimeout,
		}),
		grpc.MaxRecvMsgSize(int(embed.DefaultMaxRequestBytes)+512<<10),
		grpc.MaxSendMsgSize(maxResponse),
	)
	kine.New(backend, "unix", notifyInterval, emulatedEtcd).Register(d.server)
	d.done.Go(func() { d.server.Serve(listener) }) // it ends with Stop
	return d, nil
}

// close ends watches and all, and closes the database; but it does not wait for
// ever for what kine still has to do, as all that was written is on disk.
func (d *datastore) close() {
	d.server.Stop()
	d.cancel()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		d.done.Wait()
	}()
	select {
	case <-closed:
	case <-time.After(2 * time.Second):
	}
}
