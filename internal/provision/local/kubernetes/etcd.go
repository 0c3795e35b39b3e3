//go:build linux && !slim

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/pocctl/pocctl/internal/provision/local/controlplane"
)

// RunEtcd runs a one-member etcd until ctx ends.
//
// It does not fsync: what a killed process has written stays in the page cache,
// so only a crash of the machine can lose it, and this cluster can be made anew.
func RunEtcd(ctx context.Context, options controlplane.EtcdSettings) error {
	secured := transport.TLSInfo{
		TrustedCAFile: options.Authority, CertFile: options.Certificate, KeyFile: options.Key,
		ClientCertAuth: true,
	}
	client := url.URL{Scheme: "https", Host: options.Client}
	peer := url.URL{Scheme: "https", Host: options.Peer}

	config := embed.NewConfig()
	config.Name = "local"
	config.Dir = options.Directory
	config.ClientTLSInfo, config.PeerTLSInfo = secured, secured
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = true
	config.LogLevel = "warn"
	// The API server compacts by itself; the log of raft entries is what grows.
	config.SnapshotCount = 5000

	server, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("start etcd: %w", err)
	}
	select {
	case <-server.Server.ReadyNotify():
	case err := <-server.Err():
		return fmt.Errorf("start etcd: %w", err)
	case <-time.After(time.Minute):
		server.Close()
		return errors.New("start etcd: not ready after a minute")
	case <-ctx.Done():
	}
	select {
	case <-ctx.Done():
		server.Close()
		return nil
	case err := <-server.Err():
		return fmt.Errorf("run etcd: %w", err)
	}
}
