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
)

// EtcdOptions say where etcd keeps its data and listens.
type EtcdOptions struct {
	// Directory is the data directory.
	Directory string
	// Client and Peer are host:port on loopback.
	Client, Peer string
	// CertificateAuthority, Certificate and Key are the paths of the PEM files
	// that both sides must show; clients without a certificate are refused.
	CertificateAuthority, Certificate, Key string
}

// RunEtcd runs a one-member etcd until ctx ends.
//
// It does not fsync: what a killed process has written stays in the page cache,
// so only a crash of the machine can lose it, and this cluster can be made anew.
func RunEtcd(ctx context.Context, options EtcdOptions) error {
	secured := transport.TLSInfo{
		TrustedCAFile: options.CertificateAuthority, CertFile: options.Certificate, KeyFile: options.Key,
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
