package rollout

import (
	"testing"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func sample(change func(*v1alpha1.Rollout)) *v1alpha1.Rollout {
	three, first := int32(3), int32(2)
	r := &v1alpha1.Rollout{
		ObjectMeta: metav1.ObjectMeta{Name: "backend", Generation: 4, Annotations: map[string]string{Proven: "a"}},
		Spec: v1alpha1.RolloutSpec{Replicas: &three, Strategy: v1alpha1.RolloutStrategy{
			Canary: &v1alpha1.CanaryStrategy{Steps: make([]v1alpha1.CanaryStep, 8)},
		}},
		Status: v1alpha1.RolloutStatus{
			ObservedGeneration: "4", StableRS: "a", CurrentPodHash: "a", AvailableReplicas: 3, UpdatedReplicas: 3, Replicas: 3,
			CurrentStepIndex: &first,
		},
	}
	change(r)
	return r
}

func canary(r *v1alpha1.Rollout) {
	r.Status.CurrentPodHash, r.Status.UpdatedReplicas = "b", 1
	r.Status.Canary.Weights = &v1alpha1.TrafficWeights{Canary: v1alpha1.WeightDestination{Weight: 25}}
}

func TestStates(t *testing.T) {
	for _, test := range []struct {
		name            string
		change          func(*v1alpha1.Rollout)
		text            string
		whole, underWay bool
	}{
		{"whole", func(*v1alpha1.Rollout) {}, "3/3 ready", true, false},
		{"not seen yet", func(r *v1alpha1.Rollout) { r.Generation = 5 }, "3/3 ready", false, false},
		{"first version", func(r *v1alpha1.Rollout) { r.Status.StableRS, r.Status.AvailableReplicas = "", 1 }, "1/3 ready", false, false},
		{"canary", canary, "canary: step 3 of 8, 25% of the requests", false, true},
		{"taken back", func(r *v1alpha1.Rollout) { canary(r); r.Status.Abort = true }, "the canary was taken back, the stable version serves", false, true},
		{"a pod short", func(r *v1alpha1.Rollout) { r.Status.AvailableReplicas = 2 }, "2/3 ready", false, false},
		{"the old ones still end", func(r *v1alpha1.Rollout) { r.Status.AvailableReplicas = 6 }, "3/3 ready, the old version ends", true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			state := StateOf(sample(test.change))
			if state.String() != test.text || state.Whole() != test.whole || state.UnderWay() != test.underWay {
				t.Errorf("%q, whole %v, under way %v", state, state.Whole(), state.UnderWay())
			}
		})
	}
	state := StateOf(sample(canary))
	if state.ProvenHash != "a" || state.Weight != 25 || state.Wanted != 3 {
		t.Errorf("%+v", state)
	}
}
