//go:build linux && !slim

// Package node is the one node of a local cluster: the kubelet with the process
// runtime, and what a cluster's network and storage need beside it.
package node

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
)

// Options of a node.
type Options struct {
	Cluster cluster.Cluster
	// Log is told what happens.
	Log *slog.Logger
}

// Run runs the node until ctx ends, then stops its pods.
func Run(ctx context.Context, options Options) error {
	<-ctx.Done()
	return fmt.Errorf("later")
}
