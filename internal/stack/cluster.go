package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

// ClusterStep is the name of the step that waits for the cluster in AWS: releases begin
// when it can take them, while Terraform is still at the database.
const ClusterStep = Provision + "/cluster"

// lookAtClusterEvery is how often EKS is asked.
const lookAtClusterEvery = 3 * time.Second

var errTerraformEnded = errors.New("Terraform has ended without a cluster that takes releases")

// clusterDescribed is the step before any release.
func (p *awsPlatform) clusterDescribed() flow.Step {
	return flow.Step{
		Name:      ClusterStep,
		DependsOn: []string{Provision + "/state"},
		Describe: func() string {
			return "the kubeconfig of cluster " + p.environment.ClusterName() + ", as soon as it has a node that takes pods"
		},
		Run:      p.awaitCluster,
		Budget:   terraformBudget / 2,
		Deadline: terraformDeadline,
	}
}

// awaitCluster writes the kubeconfig, and waits for a node that is ready. It has the
// credentials signed anew at each run: another's may have been used before.
func (p *awsPlatform) awaitCluster(ctx context.Context, log *flow.Log) error {
	if p.replaces() {
		log.Waiting("Terraform, which makes the cluster anew")
		if err := p.awaitTerraform(ctx); err != nil {
			return err
		}
	}
	tick := time.NewTicker(lookAtClusterEvery)
	defer tick.Stop()
	var silent time.Time // since when it is at work and does not answer
	for {
		nodes, waiting, err := p.lookAtCluster(ctx)
		var unanswered unansweredError
		switch {
		case errors.As(err, &unanswered) && silent.IsZero():
			silent = time.Now()
		case errors.As(err, &unanswered) && time.Since(silent) > answersWithin:
			return fault.New(fault.ClusterSilent, "cluster", p.environment.ClusterName(), "where", unanswered.where(), "fix", unanswered.fix()).Because(unanswered.cause)
		case errors.As(err, &unanswered):
		case err != nil:
			return err
		default:
			silent = time.Time{}
		}
		if nodes > 0 {
			log.Detail("cluster %s, %d nodes ready", p.environment.ClusterName(), nodes)
			return nil
		}
		log.Waiting("%s", waiting)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.failed:
			return fmt.Errorf("wait for %s: %w", waiting, errTerraformEnded)
		case <-tick.C:
		}
	}
}

// lookAtCluster says how many nodes are ready, or else what is to be waited for.
func (p *awsPlatform) lookAtCluster(ctx context.Context) (nodes int, waiting string, err error) {
	told, err := p.environment.ConnectCluster(ctx, p.options.Binary)
	if err != nil || !told.Connected {
		return 0, fmt.Sprintf("the cluster %s, which is %s", told.Name, told.State), err
	}
	nodes, err = p.readyNodes(ctx)
	if err != nil { // its load balancer takes a while, and so does the caller's access
		return 0, fmt.Sprintf("the cluster %s to answer", told.Name), unansweredError{told.Private, err}
	}
	return nodes, "a node of cluster " + told.Name, nil
}

// answersWithin is how long a cluster at work may not answer.
const answersWithin = 5 * time.Minute

// unansweredError is the silence of a cluster that EKS has at work.
type unansweredError struct {
	private bool
	cause   error
}

func (e unansweredError) Error() string { return e.cause.Error() }
func (e unansweredError) Unwrap() error { return e.cause }

func (e unansweredError) where() string {
	if e.private {
		return "in its own network alone"
	}
	return "from the internet"
}

func (e unansweredError) fix() string {
	if e.private {
		return "run pocctl in that network, or by a VPN into it; or give your own addresses as cluster.public_access_cidrs under aws.variables"
	}
	return "look whether cluster.public_access_cidrs has your address, and its access entries your role; then run it again"
}

// connect writes the kubeconfig if EKS has the cluster: another machine may have made it.
func (p *awsPlatform) connect() (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), nodesTimeout)
	defer cancel()
	told, err := p.environment.ConnectCluster(ctx, p.options.Binary)
	return told.Connected, err
}

// answers says whether there is a cluster that lets this caller in.
func (p *awsPlatform) answers(ctx context.Context) bool {
	if _, err := os.Stat(p.kubeconfig()); err != nil {
		if connected, err := p.connect(); err != nil || !connected {
			return false
		}
	}
	_, err := p.readyNodes(ctx)
	return err == nil
}

// nodesTimeout ends a question to a cluster that may be gone.
const nodesTimeout = 20 * time.Second

func (p *awsPlatform) readyNodes(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, nodesTimeout)
	defer cancel()
	client, err := deploy.New(deploy.Options{Kubeconfig: p.kubeconfig()})
	if err != nil {
		return 0, err
	}
	found, err := client.Kubernetes().CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, err
	}
	ready := 0
	for _, node := range found.Items {
		if slices.ContainsFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool {
			return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
		}) && !node.Spec.Unschedulable {
			ready++
		}
	}
	return ready, nil
}

// replaces says whether this run's plan takes the cluster, or nodes of it, away first.
func (p *awsPlatform) replaces() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.overview != nil && slices.ContainsFunc(p.overview.Changes, func(change plan.Resource) bool {
		return change.Type == "aws_eks_cluster" && change.Action != plan.Add && change.Action != plan.Change
	})
}

// awaitTerraform waits for the end of this run's apply.
func (p *awsPlatform) awaitTerraform(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.failed:
		return errTerraformEnded
	case <-p.applied:
		return nil
	}
}

// takeReleases has Helm take the releases away, the last first, so that the controllers
// of load balancers and volumes take theirs away too. What can't be taken so is left to
// what comes after: the cluster goes in any case.
func (s *Stack) takeReleases(ctx context.Context, log *flow.Log) {
	releases := slices.Clone(s.options.Environment.Releases)
	client, err := s.Deployer()
	if err != nil || len(releases) == 0 || !s.platform.status(ctx).Running {
		return // there is no cluster to ask
	}
	slices.Reverse(releases)
	for _, wanted := range ordered(releases) {
		log.Waiting("Helm to take release %s away", wanted.Name)
		release := deploy.Release{Name: wanted.Name, Namespace: wanted.Namespace, Timeout: min(wanted.Timeout, takeTimeout)}
		if err := client.Uninstall(ctx, release, true, log); err != nil {
			log.Info("release %s: %v; it goes with the cluster", wanted.Name, err)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// takeTimeout ends the removal of one release, of a cluster that goes anyway.
const takeTimeout = 2 * time.Minute
