package endpoints

import (
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const defaultAffinity = 3 * time.Hour // Kubernetes' own default for ClientIP

// describe gives the Service without its endpoints.
func describe(service *corev1.Service) *Service {
	described := &Service{
		Key: Key{Namespace: service.Namespace, Name: service.Name},
		UID: service.UID,
	}
	for _, port := range service.Spec.Ports {
		protocol := port.Protocol
		if protocol == "" {
			protocol = corev1.ProtocolTCP
		}
		described.Ports = append(described.Ports, Port{Name: port.Name, Protocol: protocol, Number: uint16(port.Port)})
	}
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		described.ExternalName = service.Spec.ExternalName
		return described
	}
	described.Headless = service.Spec.ClusterIP == corev1.ClusterIPNone
	for _, text := range clusterIPs(service) {
		if addr, err := netip.ParseAddr(text); err == nil {
			described.ClusterIPs = append(described.ClusterIPs, addr)
		}
	}
	if service.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		described.Affinity = defaultAffinity
		if config := service.Spec.SessionAffinityConfig; config != nil && config.ClientIP != nil && config.ClientIP.TimeoutSeconds != nil {
			described.Affinity = time.Duration(*config.ClientIP.TimeoutSeconds) * time.Second
		}
	}
	return described
}

func clusterIPs(service *corev1.Service) []string {
	if len(service.Spec.ClusterIPs) > 0 {
		return service.Spec.ClusterIPs
	}
	return []string{service.Spec.ClusterIP}
}

// addPods adds the pods that the EndpointSlice controller would call ready.
func (s *Service) addPods(service *corev1.Service, pods []*corev1.Pod) {
	for _, pod := range pods {
		if !serves(pod, service.Spec.PublishNotReadyAddresses) {
			continue
		}
		addr, err := netip.ParseAddr(pod.Status.PodIP)
		if err != nil {
			continue
		}
		endpoint := Endpoint{Addr: addr}
		if pod.Spec.Subdomain == service.Name {
			endpoint.Hostname = pod.Spec.Hostname
		}
		s.Endpoints = append(s.Endpoints, endpoint)
		for i := range s.Ports {
			if number := targetPort(pod, service.Spec.Ports[i]); number > 0 {
				s.Ports[i].Backends = append(s.Ports[i].Backends, netip.AddrPortFrom(addr, uint16(number)))
			}
		}
	}
	s.sort()
}

// addSlices adds the ready endpoints that someone wrote by hand.
func (s *Service) addSlices(endpointSlices []*discoveryv1.EndpointSlice) {
	for _, slice := range endpointSlices {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready {
				continue
			}
			for _, text := range endpoint.Addresses {
				addr, err := netip.ParseAddr(text)
				if err != nil {
					continue
				}
				hostname := ""
				if endpoint.Hostname != nil {
					hostname = *endpoint.Hostname
				}
				s.Endpoints = append(s.Endpoints, Endpoint{Addr: addr, Hostname: hostname})
				s.addSlicePorts(addr, slice.Ports)
			}
		}
	}
	s.sort()
}

func (s *Service) addSlicePorts(addr netip.Addr, ports []discoveryv1.EndpointPort) {
	for _, port := range ports {
		if port.Port == nil {
			continue
		}
		for i := range s.Ports {
			sameName := port.Name == nil && s.Ports[i].Name == "" || port.Name != nil && *port.Name == s.Ports[i].Name
			sameProtocol := port.Protocol == nil || *port.Protocol == s.Ports[i].Protocol
			if sameName && sameProtocol {
				s.Ports[i].Backends = append(s.Ports[i].Backends, netip.AddrPortFrom(addr, uint16(*port.Port)))
			}
		}
	}
}

// addFixed puts one address behind every port.
func (s *Service) addFixed(backend netip.AddrPort) {
	s.Endpoints = []Endpoint{{Addr: backend.Addr()}}
	for i := range s.Ports {
		s.Ports[i].Backends = []netip.AddrPort{backend}
	}
}

func (s *Service) sort() {
	slices.SortFunc(s.Endpoints, func(a, b Endpoint) int { return a.Addr.Compare(b.Addr) })
	for i := range s.Ports {
		slices.SortFunc(s.Ports[i].Backends, netip.AddrPort.Compare)
		s.Ports[i].Backends = slices.Compact(s.Ports[i].Backends)
	}
}

// serves follows the EndpointSlice controller: a pod that is going away serves
// only where addresses are published whether ready or not.
func serves(pod *corev1.Pod, publishNotReady bool) bool {
	if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		return false
	}
	if publishNotReady {
		return true
	}
	if pod.DeletionTimestamp != nil {
		return false
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// targetPort gives the pod's port behind a Service's port, or 0 where the pod
// has none of that name.
func targetPort(pod *corev1.Pod, port corev1.ServicePort) int32 {
	if port.TargetPort.Type == intstr.Int {
		if port.TargetPort.IntVal == 0 {
			return port.Port
		}
		return port.TargetPort.IntVal
	}
	protocol := port.Protocol
	if protocol == "" {
		protocol = corev1.ProtocolTCP
	}
	for _, container := range servingContainers(pod) {
		for _, declared := range container.Ports {
			same := declared.Protocol == protocol || declared.Protocol == "" && protocol == corev1.ProtocolTCP
			if declared.Name == port.TargetPort.StrVal && same {
				return declared.ContainerPort
			}
		}
	}
	return 0
}

// servingContainers are the containers that run beside each other: the ordinary
// ones and the sidecars among the init containers.
func servingContainers(pod *corev1.Pod) []corev1.Container {
	containers := slices.Clone(pod.Spec.Containers)
	for _, container := range pod.Spec.InitContainers {
		if container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, container)
		}
	}
	return containers
}
