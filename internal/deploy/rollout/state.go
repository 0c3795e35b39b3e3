// Package rollout reads and steers the Rollouts of Argo Rollouts.
package rollout

import (
	"fmt"
	"strconv"
	"time"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
)

// Annotations of a Rollout and of its pods that are ours.
const (
	// Proven names the template hash whose canary came to its end.
	Proven = "pocctl.dev/canary-proven"
	// Awaiting names the canary's template hash while it is held for a verdict, and not
	// because a person wants it.
	Awaiting = "pocctl.dev/canary-awaits-verdict"
	// Trial marks pods of a canary that changes nothing else.
	Trial = "pocctl.dev/canary-trial"
)

// State is how a Rollout is.
type State struct {
	Name string `json:"name"`
	// Observed says that the controller has seen what is wanted now.
	Observed bool `json:"observed"`
	// Stable and Canary are pod template hashes; they are the same when nothing is
	// under way, and Stable is empty until the first version serves.
	Stable string `json:"stable"`
	Canary string `json:"canary"`
	// Step is the index of the step under way, of Steps.
	Step  int `json:"step"`
	Steps int `json:"steps"`
	// Weight is the share of requests that the canary gets, in percent.
	Weight int `json:"weight"`
	// Pause is how long the step under way lasts; 0 if it is no pause, or has no end.
	Pause time.Duration `json:"-"`
	// Held says that it waits for somebody.
	Held bool `json:"held"`
	// Awaited says that it is held for a verdict; see Awaiting.
	Awaited bool `json:"-"`
	Aborted bool `json:"aborted"`
	// Available of the Wanted replicas, of all versions, and Updated of the newest.
	Available, Updated, Wanted int32
	// Message is the controller's, about what is wrong.
	Message string `json:"message,omitempty"`
	// ProvenHash is the annotation Proven.
	ProvenHash string `json:"-"`
}

// StateOf reads a Rollout.
func StateOf(r *v1alpha1.Rollout) State {
	s := State{
		Name: r.Name, Observed: r.Status.ObservedGeneration == strconv.FormatInt(r.Generation, 10),
		Stable: r.Status.StableRS, Canary: r.Status.CurrentPodHash, Aborted: r.Status.Abort,
		Available: r.Status.AvailableReplicas, Updated: r.Status.UpdatedReplicas,
		Wanted: 1, Held: r.Spec.Paused, Message: r.Status.Message, ProvenHash: r.Annotations[Proven],
	}
	s.Awaited = s.Held && s.Canary != "" && r.Annotations[Awaiting] == s.Canary
	if r.Spec.Replicas != nil {
		s.Wanted = *r.Spec.Replicas
	}
	if canary := r.Spec.Strategy.Canary; canary != nil {
		s.Steps = len(canary.Steps)
	}
	if r.Status.CurrentStepIndex != nil {
		s.Step = int(*r.Status.CurrentStepIndex)
	}
	if canary := r.Spec.Strategy.Canary; canary != nil && s.Step < s.Steps {
		if pause := canary.Steps[s.Step].Pause; pause != nil && pause.Duration != nil {
			s.Pause = time.Duration(max(0, pause.DurationSeconds())) * time.Second
		}
	}
	if weights := r.Status.Canary.Weights; weights != nil {
		s.Weight = int(weights.Canary.Weight)
	}
	return s
}

// UnderWay says that two versions serve, or that one was taken back.
func (s State) UnderWay() bool { return s.Stable != "" && s.Canary != "" && s.Canary != s.Stable }

// Whole says that one version serves, with all of its replicas.
func (s State) Whole() bool {
	return s.Observed && s.Stable != "" && s.Canary == s.Stable && !s.Aborted &&
		s.Updated == s.Wanted && s.Available >= s.Wanted
}

// String is short: "step 3 of 8, 25% of the requests".
func (s State) String() string {
	switch {
	case s.Whole() && s.Available > s.Wanted:
		return fmt.Sprintf("%d/%d ready, the old version ends", s.Wanted, s.Wanted)
	case s.Aborted:
		return "the canary was taken back, the stable version serves"
	case s.UnderWay():
		return fmt.Sprintf("canary: step %d of %d, %d%% of the requests", min(s.Step+1, s.Steps), s.Steps, s.Weight)
	default:
		return fmt.Sprintf("%d/%d ready", s.Available, s.Wanted)
	}
}
