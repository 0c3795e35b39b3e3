//go:build linux && !slim

package rollouts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/argoproj/argo-rollouts/utils/defaults"
)

const (
	syncTimeout  = 2 * time.Minute
	closeTimeout = 5 * time.Second
)

// run serves metrics and health, and leads when it is elected or no election is
// wanted. It ends without an error when ctx does, and with one when the lead is lost.
func (c *controllers) run(ctx context.Context) error {
	parts, running := errgroup.WithContext(ctx)
	for _, server := range c.servers {
		// Before anything else: a port that is taken is told at once.
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", server.Addr)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", server.Addr, err)
		}
		parts.Go(func() error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve on %s: %w", server.Addr, err)
			}
			return nil
		})
	}
	parts.Go(func() error {
		defer c.close() //nolint:contextcheck // it begins when the context has ended
		if !c.settings.leaderElect {
			return c.lead(running)
		}
		return c.elect(running)
	})
	return parts.Wait()
}

func (c *controllers) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	for _, server := range c.servers {
		_ = server.Shutdown(ctx)
	}
}

func (c *controllers) elect(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: "argo-rollouts-controller-lock", Namespace: defaults.Namespace()},
			Client:     c.clients.kubernetes.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: hostname() + "_" + string(uuid.NewUUID())},
		},
		LeaseDuration: c.settings.lease, RenewDeadline: c.settings.renew, RetryPeriod: c.settings.retryElected,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) { stop(c.lead(leading)) },
			OnStoppedLeading: func() { stop(errors.New("another controller leads now")) },
		},
	})
	if err != nil {
		return fmt.Errorf("elect a leader: %w", err)
	}
	elector.Run(ctx)
	return context.Cause(ctx)
}

// lead runs the controllers until ctx ends, and lets them finish what they began.
func (c *controllers) lead(ctx context.Context) error {
	synced := c.watches.start(ctx.Done(), c.clients.everywhere())
	reading, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	if !cache.WaitForCacheSync(reading.Done(), synced...) {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("read Rollouts, analyses, Services and Ingresses: not done within %s: are their definitions there, and may it list them?", syncTimeout)
	}
	logrus.WithFields(logrus.Fields{"namespace": c.clients.namespace, "instance": c.settings.instance}).Info("controllers run")
	parts := errgroup.Group{}
	for _, run := range []func(context.Context, int) error{
		c.rollout.Run, c.service.Run, c.ingress.Run, c.experiment.Run, c.analysis.Run,
	} {
		parts.Go(func() error { return run(ctx, c.settings.workers) })
	}
	<-ctx.Done()
	goplugin.CleanupClients()
	c.queues.shutDown()
	return parts.Wait()
}
