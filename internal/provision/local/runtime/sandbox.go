//go:build linux

package runtime

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// sandbox is a pod: little more than an address.
type sandbox struct {
	id      string
	config  *runtimeapi.PodSandboxConfig
	created int64
	address netip.Addr // not valid for a pod of the node's network
	ready   bool       // guarded by Runtime.mu
}

func (s *sandbox) hostname() string {
	if name := s.config.GetHostname(); name != "" {
		return name
	}
	return s.config.GetMetadata().GetName()
}

func (s *sandbox) addressText() string {
	if !s.address.IsValid() {
		return "127.0.0.1"
	}
	return s.address.String()
}

func (s *sandbox) state() runtimeapi.PodSandboxState {
	if s.ready {
		return runtimeapi.PodSandboxState_SANDBOX_READY
	}
	return runtimeapi.PodSandboxState_SANDBOX_NOTREADY
}

func (s *sandbox) pod() Pod {
	meta := s.config.GetMetadata()
	return Pod{
		Namespace: meta.GetNamespace(), Name: meta.GetName(), UID: meta.GetUid(),
		Address: s.addressText(),
		Labels:  s.config.GetLabels(), Annotations: s.config.GetAnnotations(),
	}
}

func namespaceOptions(config *runtimeapi.PodSandboxConfig) *runtimeapi.NamespaceOption {
	if options := config.GetLinux().GetSecurityContext().GetNamespaceOptions(); options != nil {
		return options
	}
	return &runtimeapi.NamespaceOption{}
}

// RunPodSandbox gives the pod its address.
func (r *Runtime) RunPodSandbox(_ context.Context, config *runtimeapi.PodSandboxConfig, handler string) (string, error) {
	if handler != "" {
		return "", errors.New("there is no runtime class " + handler + " here: containers are processes")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &sandbox{id: r.newID(), config: config, created: r.options.Now().UnixNano(), ready: true}
	if namespaceOptions(config).GetNetwork() != runtimeapi.NamespaceMode_NODE {
		address, err := r.addresses.take()
		if err != nil {
			return "", err
		}
		s.address = address
	}
	r.sandboxes[s.id] = s
	return s.id, nil
}

// StopPodSandbox kills the pod's containers. Stopping twice, or what is unknown,
// is no error.
func (r *Runtime) StopPodSandbox(ctx context.Context, id string) error {
	r.mu.Lock()
	s := r.sandboxes[id]
	if s != nil {
		s.ready = false
	}
	containers := r.containersOf(id)
	r.mu.Unlock()
	failures := make([]error, 0, len(containers))
	for _, c := range containers {
		failures = append(failures, r.StopContainer(ctx, c.id, 0))
	}
	return errors.Join(failures...)
}

// RemovePodSandbox removes the pod with its containers and frees its address.
func (r *Runtime) RemovePodSandbox(ctx context.Context, id string) error {
	if err := r.StopPodSandbox(ctx, id); err != nil {
		return err
	}
	r.mu.Lock()
	containers := r.containersOf(id)
	r.mu.Unlock()
	for _, c := range containers {
		if err := r.RemoveContainer(ctx, c.id); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sandboxes[id]; s != nil {
		r.addresses.release(s.address)
		delete(r.sandboxes, id)
	}
	return nil
}

// PodSandboxStatus tells the pod's state and address.
func (r *Runtime) PodSandboxStatus(_ context.Context, id string, _ bool) (*runtimeapi.PodSandboxStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sandboxes[id]
	if s == nil {
		return nil, notFound("pod sandbox", id)
	}
	network := &runtimeapi.PodSandboxNetworkStatus{}
	if s.address.IsValid() {
		network.Ip = s.address.String()
	}
	return &runtimeapi.PodSandboxStatusResponse{Status: &runtimeapi.PodSandboxStatus{
		Id:        id,
		Metadata:  s.config.GetMetadata(),
		State:     s.state(),
		CreatedAt: s.created,
		Network:   network,
		Linux: &runtimeapi.LinuxPodSandboxStatus{
			Namespaces: &runtimeapi.Namespace{Options: namespaceOptions(s.config)},
		},
		Labels:      s.config.GetLabels(),
		Annotations: s.config.GetAnnotations(),
	}}, nil
}

// ListPodSandbox lists the pods that the filter takes, the newest first.
func (r *Runtime) ListPodSandbox(_ context.Context, filter *runtimeapi.PodSandboxFilter) ([]*runtimeapi.PodSandbox, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*runtimeapi.PodSandbox
	for _, s := range r.sandboxes {
		if !takesSandbox(filter, s) {
			continue
		}
		list = append(list, &runtimeapi.PodSandbox{
			Id:          s.id,
			Metadata:    s.config.GetMetadata(),
			State:       s.state(),
			CreatedAt:   s.created,
			Labels:      s.config.GetLabels(),
			Annotations: s.config.GetAnnotations(),
		})
	}
	slices.SortFunc(list, func(a, b *runtimeapi.PodSandbox) int { return cmp.Compare(b.CreatedAt, a.CreatedAt) })
	return list, nil
}

func takesSandbox(filter *runtimeapi.PodSandboxFilter, s *sandbox) bool {
	if id := filter.GetId(); id != "" && id != s.id {
		return false
	}
	if state := filter.GetState(); state != nil && state.GetState() != s.state() {
		return false
	}
	return selects(filter.GetLabelSelector(), s.config.GetLabels())
}

func selects(selector, labels map[string]string) bool {
	for name := range maps.Keys(selector) {
		if value, has := labels[name]; !has || value != selector[name] {
			return false
		}
	}
	return true
}
