package watch

import (
	"context"
	"fmt"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"

	"github.com/pocctl/pocctl/internal/deploy/rollout"
)

// Rollouts lists the Rollouts of a namespace.
type Rollouts interface {
	Rollouts(ctx context.Context, namespace string) ([]*v1alpha1.Rollout, error)
}

// rollout is ready when its one version is, and also when a canary has begun: that
// takes minutes and is judged by whoever follows it, not waited for. A canary that
// was taken back is not ready, and no failure of the release either.
func (s Snapshot) rollout(r *v1alpha1.Rollout, limits Limits) State {
	now := rollout.StateOf(r)
	state := State{Summary: now.String()}
	switch {
	case !now.Observed:
		return state
	case now.UnderWay():
		state.Ready = !now.Aborted
	case now.Whole():
		state.Ready = true
		return state
	}
	for _, set := range owned(s.ReplicaSets, r.UID) {
		if set.Labels[v1alpha1.DefaultRolloutUniqueLabelKey] != now.Canary {
			continue
		}
		s.blame(&state, owned(s.Pods, set.UID), limits)
		if state.Failure == nil {
			state.Failure = s.refused(set.UID)
		}
	}
	for _, condition := range r.Status.Conditions {
		if condition.Type == v1alpha1.InvalidSpec && condition.Status == "True" && state.Failure == nil {
			state.Failure = &Failure{Reason: condition.Reason, Message: condition.Message}
		}
	}
	return state
}

// needRollouts says whether any of the objects is a Rollout.
func needRollouts(objects []Object) bool {
	for _, object := range objects {
		if object.Kind == "Rollout" {
			return true
		}
	}
	return false
}

// withRollouts adds the Rollouts of the objects' namespaces to a snapshot.
func withRollouts(ctx context.Context, snapshot Snapshot, objects []Object, rollouts Rollouts) (Snapshot, error) {
	if !needRollouts(objects) || rollouts == nil {
		return snapshot, nil
	}
	for _, namespace := range namespacesOf(objects) {
		found, err := rollouts.Rollouts(ctx, namespace)
		if err != nil {
			return snapshot, fmt.Errorf("list rollouts: %w", err)
		}
		snapshot.Rollouts = append(snapshot.Rollouts, found...)
	}
	return snapshot, nil
}
