//go:build linux

// Package runtime is a container runtime whose containers are processes of this
// machine. It serves the kubelet through the interfaces of the CRI, in the same
// process.
//
// It is no sandbox. A container gets a view of its volumes, a user, an address
// and an environment of its own where the machine allows it; the network, the
// process table and the machine's file system are shared, and limits on memory and
// CPU are not enforced.
package runtime

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	cri "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/provision/local/image"
	"github.com/pocctl/pocctl/internal/provision/local/runtime/process"
	"github.com/pocctl/pocctl/internal/provision/local/runtime/shim/program"
)

// Name and Version of the runtime, as nodes and container IDs show them.
const (
	Name    = "process"
	Version = "0.1.0"
)

// Isolation is how containers get to see their volumes.
type Isolation string

// The isolations that can be asked for.
const (
	Auto       Isolation = ""           // a namespace where one can be had
	Namespace  Isolation = "namespace"  // volumes at their mount paths, or no start
	Substitute Isolation = "substitute" // paths in arguments and environment are changed
)

// Options says how the runtime works.
type Options struct {
	// Directory is the runtime's own, made if it is missing. One runtime at a time
	// may use it: what another left running there is killed.
	Directory string
	Images    *image.Catalogue
	// PodCIDR is where pods get their addresses; 127.42.0.0/16 by default.
	PodCIDR   netip.Prefix
	Isolation Isolation
	// Shim is the program and arguments that run shim.Main; by default the
	// program built into this binary.
	Shim []string
	// HostsFile gives the file, kept up to date in place, that pods of a namespace
	// see as /etc/hosts. Nil or an empty answer leaves the kubelet's.
	HostsFile func(namespace string) string
	// Env gives variables of the containers of a pod. They win over the pod's own.
	Env func(Pod) map[string]string
	// DataDirectory holds volumes of the node: a directory below it that is empty
	// and root's is given to the container that mounts it. Empty is none.
	DataDirectory string
	// Visible are paths below /tmp that containers, whose /tmp is their own, still
	// see. A program's own directory always is.
	Visible []string
	// Log takes what no caller is told of; by default slog's.
	Log *slog.Logger
	// Now tells the time; time.Now by default.
	Now func() time.Time
}

// Pod is what Options.Env is told about a pod.
type Pod struct {
	Namespace, Name, UID string
	Address              string
	Labels, Annotations  map[string]string
}

// Runtime is a kubelet's container runtime. It is safe for concurrent use.
type Runtime struct {
	options   Options
	isolation process.Isolation
	reason    error // why there is no namespace
	node      string
	starter   *process.Starter
	streams   *streams

	mu         sync.Mutex
	addresses  *addresses
	sandboxes  map[string]*sandbox
	containers map[string]*container
	cpu        map[string]time.Duration // by container: never goes back
}

var _ cri.RuntimeService = (*Runtime)(nil)

// New starts a runtime, after it has killed what an earlier one left running in
// the same directory.
func New(ctx context.Context, options Options) (*Runtime, error) {
	if err := options.complete(); err != nil {
		return nil, err
	}
	addresses, err := newAddresses(options.PodCIDR)
	if err != nil {
		return nil, err
	}
	if err := Sweep(ctx, options.Directory); err != nil {
		return nil, err
	}
	if err := makeDirectories(options.Directory); err != nil {
		return nil, err
	}
	if len(options.Shim) == 0 {
		installed, err := program.Install(options.Directory)
		if err != nil {
			return nil, err
		}
		options.Shim = []string{installed}
	}
	starter, err := process.NewStarter(options.Shim)
	if err != nil {
		return nil, err
	}
	r := &Runtime{
		options:    options,
		node:       nodeOf(options.Directory),
		starter:    starter,
		addresses:  addresses,
		sandboxes:  map[string]*sandbox{},
		containers: map[string]*container{},
		cpu:        map[string]time.Duration{},
	}
	if err := r.chooseIsolation(ctx); err != nil {
		starter.Close()
		return nil, err
	}
	if r.streams, err = serveStreams(ctx, r); err != nil {
		starter.Close()
		return nil, err
	}
	return r, nil
}

func (o *Options) complete() error {
	if o.Images == nil {
		return errors.New("start the container runtime: no images")
	}
	directory, err := filepath.Abs(o.Directory)
	if err != nil || o.Directory == "" {
		return fmt.Errorf("start the container runtime: bad directory %q", o.Directory)
	}
	o.Directory = directory
	if !o.PodCIDR.IsValid() {
		o.PodCIDR = netip.MustParsePrefix("127.42.0.0/16")
	}
	if o.HostsFile == nil {
		o.HostsFile = func(string) string { return "" }
	}
	if o.Env == nil {
		o.Env = func(Pod) map[string]string { return nil }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

func (r *Runtime) chooseIsolation(ctx context.Context) error {
	if r.options.Isolation == Substitute {
		r.isolation, r.reason = process.None, errors.New("none was asked for")
		return r.checkReach()
	}
	r.isolation, r.reason = r.starter.Probe(ctx, r.scratch())
	if r.isolation == process.None && r.options.Isolation == Namespace {
		return fmt.Errorf("start the container runtime: no mount namespace: %w", r.reason)
	}
	return r.checkReach()
}

// checkReach refuses a directory that the users of containers can't reach. Only
// root starts processes as others, and only without a mount namespace do they
// need the way to their volumes.
func (r *Runtime) checkReach() error {
	if r.isolation != process.None || !r.isolation.ChangesUser() {
		return nil
	}
	for path := r.options.Directory; path != "/"; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("start the container runtime: %w", err)
		}
		if info.Mode()&0o001 == 0 {
			return fmt.Errorf("start the container runtime: without mount namespaces here (%w), containers must reach their volumes below %s,"+
				" and only its owner may enter %s: choose another directory, such as one below /var/lib, or run as an ordinary user",
				r.reason, r.options.Directory, path)
		}
	}
	return nil
}

// Isolation tells what containers get, and why it is no namespace if it isn't.
func (r *Runtime) Isolation() (process.Isolation, error) { return r.isolation, r.reason }

// Sweep kills what the containers of a runtime with this directory left running
// when it was killed, and returns when all of it has ended.
func Sweep(ctx context.Context, directory string) error {
	directory, err := filepath.Abs(directory)
	if err != nil {
		return fmt.Errorf("end left containers: %w", err)
	}
	if err := process.Sweep(ctx, nodeOf(directory)); err != nil {
		return fmt.Errorf("end left containers: %w", err)
	}
	return nil
}

// nodeOf gives the start of the IDs of all containers of a directory's runtime.
func nodeOf(directory string) string {
	sum := sha256.Sum256([]byte(directory))
	return hex.EncodeToString(sum[:8])
}

// newID makes an ID of the usual 64 digits.
func (r *Runtime) newID() string {
	random := make([]byte, 24)
	_, _ = rand.Read(random) // never fails
	return r.node + hex.EncodeToString(random)
}

func (r *Runtime) scratch() string { return filepath.Join(r.options.Directory, "root") }

func (r *Runtime) containerDirectory(id string) string {
	return filepath.Join(r.options.Directory, "containers", id)
}

// makeDirectories starts with no containers: a kubelet makes its pods anew.
func makeDirectories(directory string) error {
	containers := filepath.Join(directory, "containers")
	if err := os.RemoveAll(containers); err != nil {
		return fmt.Errorf("clear the container runtime's directory: %w", err)
	}
	for _, path := range []string{directory, containers, filepath.Join(directory, "root")} {
		if err := os.MkdirAll(path, 0o711); err != nil { //nolint:gosec // containers' users pass through
			return fmt.Errorf("make the container runtime's directory: %w", err)
		}
	}
	return nil
}

// Close stops all containers, and kills what has not ended when ctx does.
func (r *Runtime) Close(ctx context.Context) error {
	r.mu.Lock()
	ids := make([]string, 0, len(r.containers))
	for id := range r.containers {
		ids = append(ids, id)
	}
	r.mu.Unlock()
	grace := int64(0)
	if deadline, has := ctx.Deadline(); has {
		grace = max(0, int64(time.Until(deadline).Seconds())-1)
	}
	var group sync.WaitGroup
	failures := make([]error, len(ids))
	for i, id := range ids {
		group.Go(func() { failures[i] = r.StopContainer(context.WithoutCancel(ctx), id, grace) })
	}
	group.Wait()
	r.streams.close()
	r.starter.Close()
	sweep, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTimeout)
	defer cancel()
	return errors.Join(errors.Join(failures...), Sweep(sweep, r.options.Directory))
}

// Version tells the runtime's name.
func (r *Runtime) Version(context.Context, string) (*runtimeapi.VersionResponse, error) {
	return &runtimeapi.VersionResponse{
		Version:           "0.1.0", // of the kubelet's API, which is fixed
		RuntimeName:       Name,
		RuntimeVersion:    Version,
		RuntimeApiVersion: "v1",
	}, nil
}

// Status tells that the runtime is ready, and how containers are isolated.
func (r *Runtime) Status(_ context.Context, verbose bool) (*runtimeapi.StatusResponse, error) {
	response := &runtimeapi.StatusResponse{Status: &runtimeapi.RuntimeStatus{
		Conditions: []*runtimeapi.RuntimeCondition{
			{Type: runtimeapi.RuntimeReady, Status: true},
			{Type: runtimeapi.NetworkReady, Status: true},
		},
	}}
	if verbose {
		response.Info = map[string]string{"isolation": string(r.isolation)}
		if r.reason != nil {
			response.Info["isolation-reason"] = r.reason.Error()
		}
	}
	return response, nil
}

// RuntimeConfig has nothing to tell: there are no control groups.
func (r *Runtime) RuntimeConfig(context.Context) (*runtimeapi.RuntimeConfigResponse, error) {
	return &runtimeapi.RuntimeConfigResponse{}, nil
}

// UpdateRuntimeConfig takes note of nothing: PodCIDR is an option.
func (r *Runtime) UpdateRuntimeConfig(context.Context, *runtimeapi.RuntimeConfig) error { return nil }
