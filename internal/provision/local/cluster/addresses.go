package cluster

import (
	"net/netip"
)

// Slots is how many clusters one machine can run side by side.
const Slots = 16

// A cluster has two ranges of loopback to itself: one for pods, one for
// Services. Its own servers listen on the first address of the pods' range, so
// that their ports are always the same and never taken.
const (
	firstRange     = 42
	slotPort       = 10257 // held by the supervisor for as long as it has the slot
	apiServerPort  = 6443
	etcdClientPort = 2379
	etcdPeerPort   = 2380
	kubeletPort    = 10250
	metricsPort    = 10254
	dnsPort        = 5353 // one that needs no privileges
)

// PodRange is where pods have their addresses.
func (c Cluster) PodRange() netip.Prefix { return loopbackRange(firstRange + 2*c.Slot) }

// ServiceRange is where Services have their addresses.
func (c Cluster) ServiceRange() netip.Prefix { return loopbackRange(firstRange + 2*c.Slot + 1) }

// ServiceIP is the address of the Service named kubernetes.
func (c Cluster) ServiceIP() netip.Addr { return c.ServiceRange().Addr().Next() }

// NodeIP is the address of the node, and of the cluster's own servers.
func (c Cluster) NodeIP() netip.Addr { return c.PodRange().Addr().Next() }

// SlotLock is the address that a supervisor holds while it has the slot.
func (c Cluster) SlotLock() netip.AddrPort { return c.at(slotPort) }

// APIServer is where the Kubernetes API is served.
func (c Cluster) APIServer() netip.AddrPort { return c.at(apiServerPort) }

// EtcdClient is where the API server reaches etcd.
func (c Cluster) EtcdClient() netip.AddrPort { return c.at(etcdClientPort) }

// EtcdPeer is where other members would reach etcd.
func (c Cluster) EtcdPeer() netip.AddrPort { return c.at(etcdPeerPort) }

// Kubelet is where the API server reaches the kubelet.
func (c Cluster) Kubelet() netip.AddrPort { return c.at(kubeletPort) }

// NodeMetrics is where the node serves /metrics and /readyz.
func (c Cluster) NodeMetrics() netip.AddrPort { return c.at(metricsPort) }

// DNS is the address of the cluster's name server.
func (c Cluster) DNS() netip.AddrPort {
	address := c.ServiceRange().Addr().As4()
	address[3] = 10
	return netip.AddrPortFrom(netip.AddrFrom4(address), dnsPort)
}

func (c Cluster) at(port uint16) netip.AddrPort { return netip.AddrPortFrom(c.NodeIP(), port) }

func loopbackRange(second int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, byte(second), 0, 0}), 16)
}
