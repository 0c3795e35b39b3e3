//go:build linux

package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/provision/local/image"
	"github.com/pocctl/pocctl/internal/provision/local/runtime/process"
	"github.com/pocctl/pocctl/internal/provision/local/runtime/shim"
)

// killTimeout is how long a process may take to end after a SIGKILL.
const killTimeout = 10 * time.Second

// container is one container. What is not marked is fixed when it is made.
type container struct {
	id        string
	sandbox   *sandbox
	config    *runtimeapi.ContainerConfig
	image     image.Entry
	isolation process.Isolation
	mounts    []shim.Mount
	user      shim.User
	logPath   string
	created   int64
	// done is closed when the container has exited and its output is written.
	done chan struct{}

	// Guarded by Runtime.mu.
	state             runtimeapi.ContainerState
	started, finished int64
	exitCode          int32
	claimed           bool  // StartContainer was called
	failure           error // why it did not start
	main              *process.Process
	output            *output
}

func notFound(kind, id string) error {
	return status.Errorf(codes.NotFound, "%s %q is not there", kind, id)
}

func (r *Runtime) container(id string) (*container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.containers[id]
	if c == nil {
		return nil, notFound("container", id)
	}
	return c, nil
}

// running gives a container that runs.
func (r *Runtime) running(id string) (*container, error) {
	c, err := r.container(id)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.state != runtimeapi.ContainerState_CONTAINER_RUNNING {
		return nil, status.Errorf(codes.FailedPrecondition, "container %q does not run", id)
	}
	return c, nil
}

// containersOf needs the lock.
func (r *Runtime) containersOf(sandbox string) []*container {
	var list []*container
	for _, c := range r.containers {
		if c.sandbox.id == sandbox {
			list = append(list, c)
		}
	}
	return list
}

// StartContainer starts the program and returns when it runs.
func (r *Runtime) StartContainer(ctx context.Context, id string) error {
	c, err := r.container(id)
	if err != nil {
		return err
	}
	r.mu.Lock()
	claimed := c.claimed
	c.claimed = true
	r.mu.Unlock()
	if claimed {
		return status.Errorf(codes.FailedPrecondition, "container %q was started before", id)
	}
	main, out, err := r.startMain(ctx, c)
	r.mu.Lock()
	defer r.mu.Unlock()
	c.started = r.options.Now().UnixNano()
	if err != nil {
		// It counts as ended: a pod that is not restarted must fail.
		c.state, c.finished, c.exitCode, c.failure = runtimeapi.ContainerState_CONTAINER_EXITED, c.started, startFailure, err
		close(c.done)
		return err
	}
	c.main, c.output = main, out
	c.state = runtimeapi.ContainerState_CONTAINER_RUNNING
	out.run()
	go r.await(c) //nolint:gosec,contextcheck // it outlives the request
	return nil
}

// startFailure is the exit code of a container that did not start, as with
// containerd.
const startFailure = 128

func (r *Runtime) startMain(ctx context.Context, c *container) (*process.Process, *output, error) {
	line, err := entrypoint(c.image.Image, c.substituted(c.config.GetCommand()), c.substituted(c.config.GetArgs()))
	if err != nil {
		return nil, nil, err
	}
	out, err := r.openOutput(c)
	if err != nil {
		return nil, nil, err
	}
	main, err := r.starter.Start(ctx, r.request(c, line, out.streams))
	if err != nil {
		out.discard()
		return nil, nil, err
	}
	return main, out, nil
}

// request is what any process of the container is started with.
func (r *Runtime) request(c *container, line commandLine, streams streamFiles) process.Request {
	directory := c.config.GetWorkingDir()
	if directory == "" {
		directory = "/"
	}
	var root *shim.Root
	if c.isolation == process.None {
		directory = substitute(directory, c.mounts)
	} else {
		root = &shim.Root{
			Directory: r.scratch(),
			Label:     process.Label(c.id),
			Hostname:  c.sandbox.hostname(),
			Mounts:    c.mounts,
			ReadOnly:  c.config.GetLinux().GetSecurityContext().GetReadonlyRootfs(),
		}
	}
	return process.Request{
		Container: c.id,
		Spec: shim.Spec{
			Program:         line.program,
			Alias:           c.image.Path,
			Args:            line.args,
			Env:             environment(c, r.options.Env(c.sandbox.pod())),
			Directory:       directory,
			NoNewPrivileges: c.config.GetLinux().GetSecurityContext().GetNoNewPrivs(),
			OOMScoreAdjust:  max(0, c.config.GetLinux().GetResources().GetOomScoreAdj()),
			Root:            root,
		},
		Isolation: c.isolation,
		User:      c.user,
		Stdin:     streams.stdin,
		Stdout:    streams.stdout,
		Stderr:    streams.stderr,
		Terminal:  streams.terminal,
	}
}

// substituted changes paths in words of the pod's, where mounts are not at their
// paths.
func (c *container) substituted(words []string) []string {
	if c.isolation != process.None {
		return words
	}
	changed := make([]string, len(words))
	for i, word := range words {
		changed[i] = substitute(word, c.mounts)
	}
	return changed
}

// await waits for the main process, ends all others of the container, and writes
// the exit down once the output is complete.
func (r *Runtime) await(c *container) {
	<-c.main.Done()
	finished := r.options.Now().UnixNano()
	ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
	defer cancel()
	if err := r.starter.KillContainer(ctx, c.id); err != nil {
		r.options.Log.Warn("a process of a container stays", "container", c.id, "error", err)
	}
	c.output.finish()
	r.mu.Lock()
	c.finished = finished
	c.exitCode = int32(c.main.ExitCode())
	c.state = runtimeapi.ContainerState_CONTAINER_EXITED
	r.mu.Unlock()
	close(c.done)
}

// StopContainer asks the main process to end, and kills the container after
// timeout seconds. What has ended already, or is unknown, is no error.
func (r *Runtime) StopContainer(ctx context.Context, id string, timeout int64) error {
	r.mu.Lock()
	c := r.containers[id]
	var main *process.Process
	if c != nil {
		main = c.main
	}
	r.mu.Unlock()
	if main == nil {
		return nil
	}
	if timeout > 0 {
		main.Signal(stopSignal(c.config.GetStopSignal(), c.image.StopSignal))
		ended, err := waitFor(ctx, c.done, time.Duration(timeout)*time.Second)
		if ended || err != nil {
			return err
		}
	}
	main.Kill()
	ended, err := waitFor(ctx, c.done, 2*killTimeout)
	if err == nil && !ended {
		return fmt.Errorf("stop container %s: process %d did not end after SIGKILL", id, main.PID())
	}
	return err
}

func waitFor(ctx context.Context, done <-chan struct{}, limit time.Duration) (bool, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true, nil
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, fmt.Errorf("wait for a container to end: %w", ctx.Err())
	}
}

// RemoveContainer forgets a container, which is killed if it still runs. Its log
// is the kubelet's to remove.
func (r *Runtime) RemoveContainer(ctx context.Context, id string) error {
	if err := r.StopContainer(ctx, id, 0); err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.containers, id)
	delete(r.cpu, id)
	r.mu.Unlock()
	if err := os.RemoveAll(r.containerDirectory(id)); err != nil {
		return fmt.Errorf("remove the container's directory: %w", err)
	}
	return nil
}

// ReopenContainerLog goes on in a new log file.
func (r *Runtime) ReopenContainerLog(_ context.Context, id string) error {
	c, err := r.running(id)
	if err != nil {
		return err
	}
	if c.output.log == nil {
		return errors.New("the container has no log")
	}
	return c.output.log.Reopen()
}

// ListContainers lists the containers that the filter takes, the newest first.
func (r *Runtime) ListContainers(_ context.Context, filter *runtimeapi.ContainerFilter) ([]*runtimeapi.Container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*runtimeapi.Container
	for _, c := range r.containers {
		if !takesContainer(filter, c) {
			continue
		}
		list = append(list, &runtimeapi.Container{
			Id:           c.id,
			PodSandboxId: c.sandbox.id,
			Metadata:     c.config.GetMetadata(),
			Image:        c.imageSpec(),
			ImageRef:     c.image.ID,
			ImageId:      c.image.ID,
			State:        c.state,
			CreatedAt:    c.created,
			Labels:       c.config.GetLabels(),
			Annotations:  c.config.GetAnnotations(),
		})
	}
	slices.SortFunc(list, func(a, b *runtimeapi.Container) int { return cmp.Compare(b.CreatedAt, a.CreatedAt) })
	return list, nil
}

func takesContainer(filter *runtimeapi.ContainerFilter, c *container) bool {
	if id := filter.GetId(); id != "" && id != c.id {
		return false
	}
	if sandbox := filter.GetPodSandboxId(); sandbox != "" && sandbox != c.sandbox.id {
		return false
	}
	if state := filter.GetState(); state != nil && state.GetState() != c.state {
		return false
	}
	return selects(filter.GetLabelSelector(), c.config.GetLabels())
}

// ContainerStatus tells the state of a container.
func (r *Runtime) ContainerStatus(_ context.Context, id string, _ bool) (*runtimeapi.ContainerStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.containers[id]
	if c == nil {
		return nil, notFound("container", id)
	}
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{
		Id:          id,
		Metadata:    c.config.GetMetadata(),
		State:       c.state,
		CreatedAt:   c.created,
		StartedAt:   c.started,
		FinishedAt:  c.finished,
		ExitCode:    c.exitCode,
		Image:       c.imageSpec(),
		ImageRef:    c.image.ID,
		ImageId:     c.image.ID,
		Reason:      c.reason(),
		Message:     c.message(),
		Labels:      c.config.GetLabels(),
		Annotations: c.config.GetAnnotations(),
		Mounts:      c.config.GetMounts(),
		LogPath:     c.logPath,
		StopSignal:  c.config.GetStopSignal(),
	}}, nil
}

func (c *container) imageSpec() *runtimeapi.ImageSpec {
	spec := c.config.GetImage()
	if name := spec.GetUserSpecifiedImage(); name != "" {
		return &runtimeapi.ImageSpec{Image: name, UserSpecifiedImage: name}
	}
	return spec
}

func (c *container) reason() string {
	switch {
	case c.state != runtimeapi.ContainerState_CONTAINER_EXITED:
		return ""
	case c.failure != nil:
		return "StartError"
	case c.exitCode == 0:
		return "Completed"
	}
	return "Error"
}

func (c *container) message() string {
	if c.failure != nil {
		return c.failure.Error()
	}
	return ""
}
