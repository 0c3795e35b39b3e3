// Package storage makes PersistentVolumes for claims: directories of this
// machine, at a path that the claim's name gives, so that the data is found again
// by a cluster that is made anew.
package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// ProvisionerName is the provisioner of the StorageClasses that are served.
const ProvisionerName = "pocctl.dev/local"

// How soon a volume that could not be made or removed is tried again.
const (
	firstRetry = 200 * time.Millisecond
	mostRetry  = 30 * time.Second
)

// Options of the controller.
type Options struct {
	// Client needs to read claims and StorageClasses, and to read, create and
	// delete PersistentVolumes and create events.
	Client kubernetes.Interface
	// Informers are shared; the caller starts them, after New.
	Informers informers.SharedInformerFactory
	// Directory holds the volumes, as NAMESPACE/CLAIM.
	Directory string
	// Log takes warnings and errors; default slog.Default.
	Log *slog.Logger
}

// Controller makes and removes volumes.
type Controller struct {
	controller *controller.ProvisionController
	workers    *sync.WaitGroup
	root       *os.Root
	log        *slog.Logger
}

// New makes the controller and its directory. ctx ends what it starts.
func New(ctx context.Context, options Options) (*Controller, error) {
	directory, err := filepath.Abs(options.Directory)
	if err != nil {
		return nil, fmt.Errorf("make the directory of volumes: %w", err)
	}
	// Users of containers pass through; they do not list.
	if err := os.MkdirAll(directory, passMode); err != nil { //nolint:gosec // see above
		return nil, fmt.Errorf("make the directory of volumes: %w", err)
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, fmt.Errorf("open the directory of volumes: %w", err)
	}
	log := options.Log
	if log == nil {
		log = slog.Default()
	}
	ctx = klog.NewContext(ctx, logr.FromSlogHandler(warnings{log.Handler()}))
	retry := func() workqueue.TypedRateLimiter[string] {
		return workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, mostRetry)
	}
	volumes := &volumes{root: root, directory: directory, others: othersAt(options.Client)}
	c := &Controller{
		workers: &sync.WaitGroup{}, root: root, log: log,
		controller: controller.NewProvisionController(ctx, options.Client, ProvisionerName, volumes,
			controller.LeaderElection(false),
			controller.Threadiness(2),
			controller.RateLimiter(retry()),
			controller.FailedProvisionThreshold(0), // never give up
			controller.FailedDeleteThreshold(0),
			// The other ways to retry remove the volume when they give up.
			controller.CreateProvisionedPVLimiter(retry()),
			controller.ClaimsInformer(options.Informers.Core().V1().PersistentVolumeClaims().Informer()),
			controller.VolumesInformer(options.Informers.Core().V1().PersistentVolumes().Informer()),
			controller.ClassesInformer(options.Informers.Storage().V1().StorageClasses().Informer()),
		),
	}
	c.controller.ControllerWaitGroup(c.workers)
	return c, nil
}

// Run makes and removes volumes until ctx ends.
func (c *Controller) Run(ctx context.Context) error {
	ctx = klog.NewContext(ctx, logr.FromSlogHandler(warnings{c.log.Handler()}))
	c.controller.Run(ctx)
	c.workers.Wait()
	if err := c.root.Close(); err != nil {
		return fmt.Errorf("close the directory of volumes: %w", err)
	}
	if err := ctx.Err(); err == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// warnings drops the library's chatter.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

func (w warnings) WithAttrs(attributes []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attributes)}
}

func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
