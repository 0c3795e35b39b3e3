package endpoints

import (
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Key names a Service.
type Key = types.NamespacedName

// Service is what the network needs to know of one Service: where it can be
// reached and which ready addresses stand behind it. It is never changed once
// the index has published it.
type Service struct {
	Key
	UID types.UID
	// ClusterIPs is empty for a headless Service and for an ExternalName.
	ClusterIPs []netip.Addr
	// Headless says that names resolve to the endpoints themselves.
	Headless bool
	// ExternalName is the name that the Service stands for, or "".
	ExternalName string
	// Affinity is how long a client keeps its endpoint; 0 means not at all.
	Affinity time.Duration
	Ports    []Port
	// Endpoints are the ready addresses whatever their ports, in address order.
	Endpoints []Endpoint
}

// Port is one port of a Service with the ready addresses that serve it.
type Port struct {
	Name     string
	Protocol corev1.Protocol
	Number   uint16
	// Backends is in address order.
	Backends []netip.AddrPort
}

// Endpoint is one ready address of a Service.
type Endpoint struct {
	Addr netip.Addr
	// Hostname is the pod's name under the Service's own, where it has one, as
	// the pods of a StatefulSet have.
	Hostname string
}

// Reference is the Service as events name it.
func (s *Service) Reference() *corev1.ObjectReference {
	return &corev1.ObjectReference{APIVersion: "v1", Kind: "Service", Namespace: s.Namespace, Name: s.Name, UID: s.UID}
}

// HostnameOf gives the hostname of the endpoint at addr, or "".
func (s *Service) HostnameOf(addr netip.Addr) string {
	for _, endpoint := range s.Endpoints {
		if endpoint.Addr == addr {
			return endpoint.Hostname
		}
	}
	return ""
}
