package server

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// quota bounds the database; etcd maps as much address space as that, 10 GiB
// without one, which not every sandbox likes.
const quota = 1 << 30

// nowhere is the address of etcd's that nobody ever connects to: there is one
// member, and its clients come through the socket.
const nowhere = "http://127.0.0.1:2380"

// startDatastore starts etcd. Unlike kine with SQLite, which k3s has, it is pure
// Go, so that the binary stays static; and it is what upstream is tested with.
func startDatastore(ctx context.Context, c *Config) (*embed.Etcd, error) {
	peer, err := url.Parse(nowhere)
	if err != nil {
		return nil, err
	}
	// etcd changes the mode of a directory of its own if that is not 0700.
	if err := os.MkdirAll(c.datastoreDir(), 0o700); err != nil {
		return nil, err
	}
	config := embed.NewConfig()
	config.Dir = c.datastoreDir() + "/etcd"
	config.ListenPeerUrls = nil
	config.AdvertisePeerUrls = []url.URL{*peer}
	config.ListenClientUrls = []url.URL{{Scheme: "unix", Path: c.datastoreSocket()}}
	config.AdvertiseClientUrls = []url.URL{*peer}
	config.Name = "default" // not the node's: that may change between two starts
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.EnableGRPCGateway = false
	config.QuotaBackendBytes = quota
	config.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration // else every request is slow
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.New(&klogCore{min: zapcore.WarnLevel}))

	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("datastore: %w", err)
	}
	timeout := time.NewTimer(time.Minute)
	defer timeout.Stop()
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err = <-etcd.Err():
	case <-etcd.Server.StopNotify():
		err = errors.New("it stopped")
	case <-timeout.C:
		err = errors.New("it was not ready within a minute")
	case <-ctx.Done():
		err = ctx.Err()
	}
	etcd.Close()
	return nil, fmt.Errorf("datastore: %w", err)
}

// closeDatastore waits for etcd as long as it has something to do. For what it
// was asked and will never be fetched, watches of the API server's, it would wait
// seven seconds. All that was written is on disk already.
func closeDatastore(etcd *embed.Etcd) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		etcd.Close()
	}()
	timeout := time.NewTimer(2 * time.Second)
	defer timeout.Stop()
	select {
	case <-closed:
	case <-timeout.C:
	}
}
