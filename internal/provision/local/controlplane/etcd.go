package controlplane

import (
	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/pki"
)

// EtcdSettings say where etcd keeps its data and listens.
type EtcdSettings struct {
	// Directory is the data directory.
	Directory string
	// Client and Peer are host:port on loopback.
	Client, Peer string
	// Authority, Certificate and Key are the paths of the PEM files that both
	// sides must show; clients without a certificate are refused.
	Authority, Certificate, Key string
}

// EtcdOptions gives etcd's settings in c.
func EtcdOptions(c cluster.Cluster, files pki.Bundle) EtcdSettings {
	return EtcdSettings{
		Directory: c.EtcdData(),
		Client:    c.EtcdClient().String(), Peer: c.EtcdPeer().String(),
		Authority: files.EtcdAuthority.Certificate, Certificate: files.Etcd.Certificate, Key: files.Etcd.Key,
	}
}
