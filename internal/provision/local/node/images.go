//go:build linux && !slim

package node

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/image"
	"github.com/pocctl/pocctl/internal/provision/local/postgres"
)

// builtin gives the images that are programs of this binary, and those that are
// exporters of metrics.
func builtin(c cluster.Cluster, exporter string) []image.Image {
	return []image.Image{
		{Name: "ghcr.io/pocctl/pocctl", Program: c.Binary},
		{
			Name: "postgres", Program: c.Binary, Args: []string{"image", "postgres"}, Path: "/usr/local/bin/docker-entrypoint.sh",
			Env:  map[string]string{"POCCTL_POSTGRES_DIRECTORY": c.PostgresDirectory, "PATH": c.PostgresDirectory + ":" + os.Getenv("PATH")},
			User: 999, StopSignal: postgres.StopSignal,
		},
		prometheusNamed("quay.io/prometheus/prometheus", c), prometheusNamed("prom/prometheus", c),
		alertmanagerNamed("quay.io/prometheus/alertmanager", c), alertmanagerNamed("prom/alertmanager", c),
		{
			Name: "quay.io/argoproj/argo-rollouts", Program: c.Binary, Args: []string{"image", "argo-rollouts"}, Path: "/bin/rollouts-controller", User: 999,
		},
		{
			Name: "redis", Program: c.Binary, Args: []string{"image", "redis"}, Path: "/usr/local/bin/docker-entrypoint.sh",
			User: 999,
		},
		{Name: "quay.io/prometheuscommunity/postgres-exporter", Program: exporter, Args: []string{"postgres"}, Path: "/bin/postgres_exporter", User: 65534},
		{Name: "oliver006/redis_exporter", Program: exporter, Args: []string{"redis"}, Path: "/redis_exporter", User: 59000},
		{Name: "quay.io/prometheus/blackbox-exporter", Program: exporter, Args: []string{"blackbox"}, Path: "/bin/blackbox_exporter", User: 65534},
	}
}

// prometheusNamed is Prometheus, which is published under two names.
func prometheusNamed(name string, c cluster.Cluster) image.Image {
	return image.Image{Name: name, Program: c.Binary, Args: []string{"image", "prometheus"}, Path: "/bin/prometheus", User: 65534}
}

// alertmanagerNamed is Alertmanager, which is published under two names, too.
func alertmanagerNamed(name string, c cluster.Cluster) image.Image {
	return image.Image{Name: name, Program: c.Binary, Args: []string{"image", "alertmanager"}, Path: "/bin/alertmanager", User: 65534}
}

func environmentImages(c cluster.Cluster) []image.Image {
	images := make([]image.Image, 0, len(c.Images))
	for name, own := range c.Images {
		images = append(images, image.Image{Name: name, Program: own.Program, Args: own.Args, Env: own.Env})
	}
	return images
}

// followImages takes up changes of the environment's images, which a later
// `pocctl up` writes into the cluster's description.
func followImages(ctx context.Context, c cluster.Cluster, catalogue *image.Catalogue, log *slog.Logger) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	last := time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := cluster.Changed(c.Directory)
		if err != nil || !changed.After(last) {
			continue
		}
		last = changed
		if newer, err := cluster.Load(c.Directory); err != nil {
			log.Warn("read images", "error", err)
		} else {
			catalogue.Set(environmentImages(newer)...)
		}
	}
}
