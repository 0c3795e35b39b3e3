//go:build linux

package runtime

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/proc"
)

// usage is what the processes of a container use.
type usage struct {
	cpu       time.Duration
	memory    proc.Memory
	processes uint64
}

func (u usage) add(other usage) usage {
	u.cpu += other.cpu
	u.memory.Proportional += other.memory.Proportional
	u.memory.Anonymous += other.memory.Anonymous
	u.processes += other.processes
	return u
}

// measure reads the use of running containers. Memory is the proportional set
// size, since processes of one binary share most of theirs.
func (r *Runtime) measure(wanted []*container) map[string]usage {
	processes := r.starter.Processes()
	measured := make(map[string]usage, len(wanted))
	for _, c := range wanted {
		var sum usage
		for _, process := range processes[c.id] {
			sum = sum.add(usage{cpu: process.CPU, memory: proc.ReadMemory(process.PID), processes: 1})
		}
		measured[c.id] = sum
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, sum := range measured {
		// What an orphan used is lost with it, but a counter must not go back.
		sum.cpu = max(sum.cpu, r.cpu[id])
		if _, there := r.containers[id]; there {
			r.cpu[id] = sum.cpu
		}
		measured[id] = sum
	}
	return measured
}

func (r *Runtime) runningContainers(take func(*container) bool) []*container {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*container
	for _, c := range r.containers {
		if c.state == runtimeapi.ContainerState_CONTAINER_RUNNING && take(c) {
			list = append(list, c)
		}
	}
	return list
}

// ContainerStats tells the use of one container; an ended one uses nothing.
func (r *Runtime) ContainerStats(_ context.Context, id string) (*runtimeapi.ContainerStats, error) {
	c, err := r.container(id)
	if err != nil {
		return nil, err
	}
	return r.containerStats(c, r.measure([]*container{c})[id]), nil
}

// ListContainerStats tells the use of running containers.
func (r *Runtime) ListContainerStats(_ context.Context, filter *runtimeapi.ContainerStatsFilter) ([]*runtimeapi.ContainerStats, error) {
	list := r.runningContainers(func(c *container) bool {
		return takesContainer(&runtimeapi.ContainerFilter{
			Id:            filter.GetId(),
			PodSandboxId:  filter.GetPodSandboxId(),
			LabelSelector: filter.GetLabelSelector(),
		}, c)
	})
	measured := r.measure(list)
	stats := make([]*runtimeapi.ContainerStats, 0, len(list))
	for _, c := range list {
		stats = append(stats, r.containerStats(c, measured[c.id]))
	}
	return stats, nil
}

func (r *Runtime) containerStats(c *container, use usage) *runtimeapi.ContainerStats {
	now := r.options.Now().UnixNano()
	return &runtimeapi.ContainerStats{
		Attributes: &runtimeapi.ContainerAttributes{
			Id:          c.id,
			Metadata:    c.config.GetMetadata(),
			Labels:      c.config.GetLabels(),
			Annotations: c.config.GetAnnotations(),
		},
		Cpu:    use.cpuUsage(now),
		Memory: use.memoryUsage(now),
		WritableLayer: &runtimeapi.FilesystemUsage{
			Timestamp:  now,
			FsId:       &runtimeapi.FilesystemIdentifier{Mountpoint: r.options.Directory},
			UsedBytes:  &runtimeapi.UInt64Value{},
			InodesUsed: &runtimeapi.UInt64Value{},
		},
	}
}

func (u usage) cpuUsage(now int64) *runtimeapi.CpuUsage {
	return &runtimeapi.CpuUsage{
		Timestamp:            now,
		UsageCoreNanoSeconds: &runtimeapi.UInt64Value{Value: uint64(u.cpu.Nanoseconds())},
	}
}

func (u usage) memoryUsage(now int64) *runtimeapi.MemoryUsage {
	return &runtimeapi.MemoryUsage{
		Timestamp:       now,
		WorkingSetBytes: &runtimeapi.UInt64Value{Value: u.memory.Proportional},
		UsageBytes:      &runtimeapi.UInt64Value{Value: u.memory.Proportional},
		RssBytes:        &runtimeapi.UInt64Value{Value: u.memory.Anonymous},
	}
}

// PodSandboxStats tells the use of one pod.
func (r *Runtime) PodSandboxStats(_ context.Context, id string) (*runtimeapi.PodSandboxStats, error) {
	r.mu.Lock()
	s := r.sandboxes[id]
	r.mu.Unlock()
	if s == nil {
		return nil, notFound("pod sandbox", id)
	}
	return r.sandboxStats([]*sandbox{s})[0], nil
}

// ListPodSandboxStats tells the use of the pods that the filter takes.
func (r *Runtime) ListPodSandboxStats(_ context.Context, filter *runtimeapi.PodSandboxStatsFilter) ([]*runtimeapi.PodSandboxStats, error) {
	r.mu.Lock()
	var list []*sandbox
	for _, s := range r.sandboxes {
		wanted := runtimeapi.PodSandboxFilter{Id: filter.GetId(), LabelSelector: filter.GetLabelSelector()}
		if s.ready && takesSandbox(&wanted, s) {
			list = append(list, s)
		}
	}
	r.mu.Unlock()
	return r.sandboxStats(list), nil
}

func (r *Runtime) sandboxStats(list []*sandbox) []*runtimeapi.PodSandboxStats {
	containers := r.runningContainers(func(*container) bool { return true })
	measured := r.measure(containers)
	now := r.options.Now().UnixNano()
	stats := make([]*runtimeapi.PodSandboxStats, 0, len(list))
	for _, s := range list {
		var sum usage
		var own []*runtimeapi.ContainerStats
		for _, c := range containers {
			if c.sandbox == s {
				sum = sum.add(measured[c.id])
				own = append(own, r.containerStats(c, measured[c.id]))
			}
		}
		stats = append(stats, &runtimeapi.PodSandboxStats{
			Attributes: &runtimeapi.PodSandboxAttributes{
				Id:          s.id,
				Metadata:    s.config.GetMetadata(),
				Labels:      s.config.GetLabels(),
				Annotations: s.config.GetAnnotations(),
			},
			Linux: &runtimeapi.LinuxPodSandboxStats{
				Cpu:    sum.cpuUsage(now),
				Memory: sum.memoryUsage(now),
				Process: &runtimeapi.ProcessUsage{
					Timestamp:    now,
					ProcessCount: &runtimeapi.UInt64Value{Value: sum.processes},
				},
				Containers: own,
			},
		})
	}
	return stats
}

// ListMetricDescriptors has none: the stats tell all there is.
func (r *Runtime) ListMetricDescriptors(context.Context) ([]*runtimeapi.MetricDescriptor, error) {
	return nil, nil
}

// ListPodSandboxMetrics has none.
func (r *Runtime) ListPodSandboxMetrics(context.Context) ([]*runtimeapi.PodSandboxMetrics, error) {
	return nil, nil
}

// UpdateContainerResources takes any change: limits are not enforced.
func (r *Runtime) UpdateContainerResources(context.Context, string, *runtimeapi.ContainerResources) error {
	return nil
}

// UpdatePodSandboxResources takes any change: limits are not enforced.
func (r *Runtime) UpdatePodSandboxResources(context.Context, *runtimeapi.UpdatePodSandboxResourcesRequest) (*runtimeapi.UpdatePodSandboxResourcesResponse, error) {
	return &runtimeapi.UpdatePodSandboxResourcesResponse{}, nil
}

// GetContainerEvents is not there: the kubelet lists instead.
func (r *Runtime) GetContainerEvents(context.Context, chan *runtimeapi.ContainerEventResponse, func(runtimeapi.RuntimeService_GetContainerEventsClient)) error {
	return unsupported("container events")
}

// CheckpointContainer is not there.
func (r *Runtime) CheckpointContainer(context.Context, *runtimeapi.CheckpointContainerRequest) error {
	return unsupported("checkpoints")
}

// CheckpointPod is not there.
func (r *Runtime) CheckpointPod(context.Context, *runtimeapi.CheckpointPodRequest) error {
	return unsupported("checkpoints")
}

// RestorePod is not there.
func (r *Runtime) RestorePod(context.Context, *runtimeapi.RestorePodRequest) (*runtimeapi.RestorePodResponse, error) {
	return nil, unsupported("checkpoints")
}

func unsupported(what string) error {
	return status.Errorf(codes.Unimplemented, "%s are not supported: containers are processes", what)
}
