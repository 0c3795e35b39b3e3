package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	clientset "github.com/argoproj/argo-rollouts/pkg/client/clientset/versioned"
	typed "github.com/argoproj/argo-rollouts/pkg/client/clientset/versioned/typed/rollouts/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	apps "k8s.io/client-go/kubernetes/typed/apps/v1"
	"k8s.io/client-go/rest"
)

// Client reads and steers the Rollouts of a namespace.
type Client struct {
	rollouts    typed.RolloutInterface
	analyses    typed.AnalysisRunInterface
	replicaSets apps.ReplicaSetInterface
}

// NewClient does not call the cluster.
func NewClient(config *rest.Config, namespace string) (*Client, error) {
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client of Argo Rollouts: %w", err)
	}
	own, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a Kubernetes client: %w", err)
	}
	group := client.ArgoprojV1alpha1()
	return &Client{
		rollouts: group.Rollouts(namespace), analyses: group.AnalysisRuns(namespace), replicaSets: own.AppsV1().ReplicaSets(namespace),
	}, nil
}

// Read gives the Rollout's state. Errors are the API server's, NotFound among them.
func (c *Client) Read(ctx context.Context, name string) (State, error) {
	found, err := c.rollouts.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return State{}, fmt.Errorf("read rollout %s: %w", name, err)
	}
	return StateOf(found), nil
}

// Abort has the canary taken back: all requests go to the stable version at once.
func (c *Client) Abort(ctx context.Context, name string) error {
	return c.patchStatus(ctx, name, "abort", map[string]any{"abort": true})
}

// Promote lets the canary take all requests, whatever steps are left.
func (c *Client) Promote(ctx context.Context, name string) error {
	if err := c.Hold(ctx, name, false); err != nil {
		return err
	}
	return c.patchStatus(ctx, name, "promote", map[string]any{"promoteFull": true})
}

// Hold keeps the canary where it is because a person wants it, or lets it go on.
func (c *Client) Hold(ctx context.Context, name string, held bool) error {
	verb := "let go on"
	if held {
		verb = "hold"
	}
	return c.patch(ctx, name, verb, map[string]any{
		"spec": map[string]any{"paused": held}, "metadata": map[string]any{"annotations": map[string]any{Awaiting: nil}},
	})
}

// Await holds the canary of a template hash until there is a verdict, which whoever
// follows it next can tell from a hold by hand.
func (c *Client) Await(ctx context.Context, name, hash string) error {
	return c.patch(ctx, name, "hold", map[string]any{
		"spec": map[string]any{"paused": true}, "metadata": map[string]any{"annotations": map[string]any{Awaiting: hash}},
	})
}

// Try starts a canary that changes nothing but an annotation of its pods.
func (c *Client) Try(ctx context.Context, name string, now time.Time) error {
	annotations := map[string]any{Trial: now.UTC().Format(time.RFC3339)}
	return c.patch(ctx, name, "try", map[string]any{
		"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": annotations}}},
	})
}

// Untry takes a canary that Try started out of the Rollout's template again. It
// says whether it was one: what else is new has to be undone where it was made.
func (c *Client) Untry(ctx context.Context, name string) (bool, error) {
	found, err := c.rollouts.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return false, fmt.Errorf("read rollout %s: %w", name, err)
	}
	stable, err := c.replicaSet(ctx, found.Status.StableRS)
	if err != nil {
		return false, err
	}
	was, had := stable.Spec.Template.Annotations[Trial]
	if found.Spec.Template.Annotations[Trial] == was {
		return false, nil
	}
	annotations := map[string]any{Trial: nil}
	if had {
		annotations[Trial] = was
	}
	return true, c.patch(ctx, name, "end the trial of", map[string]any{
		"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": annotations}}},
	})
}

// Version names what a template hash stands for: "0.1.0 (68c9586468)".
func (c *Client) Version(ctx context.Context, hash string) string {
	set, err := c.replicaSet(ctx, hash)
	if err != nil || set.Spec.Template.Labels["app.kubernetes.io/version"] == "" {
		return hash
	}
	return fmt.Sprintf("%s (%s)", set.Spec.Template.Labels["app.kubernetes.io/version"], hash)
}

func (c *Client) replicaSet(ctx context.Context, hash string) (*appsv1.ReplicaSet, error) {
	found, err := c.replicaSets.List(ctx, metav1.ListOptions{LabelSelector: v1alpha1.DefaultRolloutUniqueLabelKey + "=" + hash})
	if err != nil {
		return nil, fmt.Errorf("read the replica set of %s: %w", hash, err)
	}
	if len(found.Items) == 0 {
		return nil, fmt.Errorf("read the replica set of %s: it is not there", hash)
	}
	return &found.Items[0], nil
}

// Prove notes that the canary of the hash came to its end.
func (c *Client) Prove(ctx context.Context, name, hash string) error {
	return c.patch(ctx, name, "note the proof of", map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{Proven: hash}},
	})
}

// Measurements gives what the last analysis of the canary with the hash measured
// last, by metric. The controller forgets its name when it aborts.
func (c *Client) Measurements(ctx context.Context, hash string) ([]Measurement, error) {
	found, err := c.analyses.List(ctx, metav1.ListOptions{LabelSelector: v1alpha1.DefaultRolloutUniqueLabelKey + "=" + hash})
	if err != nil {
		return nil, fmt.Errorf("list analyses of %s: %w", hash, err)
	}
	var all []Measurement
	var newest *v1alpha1.AnalysisRun
	for i := range found.Items {
		if one := &found.Items[i]; newest == nil || newest.CreationTimestamp.Before(&one.CreationTimestamp) {
			newest = one
		}
	}
	if newest == nil {
		return nil, nil
	}
	for i := range newest.Status.MetricResults {
		all = append(all, measurementOf(&newest.Status.MetricResults[i]))
	}
	return all, nil
}

// Measurement is the last word of one metric of an analysis.
type Measurement struct {
	Metric string `json:"metric"`
	Phase  string `json:"phase"` // Successful, Failed, Error, Inconclusive, Running
	// Value is what Prometheus answered: "[0.05]", or "[]" for nothing.
	Value   string `json:"value,omitempty"`
	Message string `json:"message,omitempty"`
}

// Wrong says that the metric spoke against the canary.
func (m Measurement) Wrong() bool {
	switch v1alpha1.AnalysisPhase(m.Phase) {
	case v1alpha1.AnalysisPhaseFailed, v1alpha1.AnalysisPhaseError, v1alpha1.AnalysisPhaseInconclusive:
		return true
	default:
		return false
	}
}

func measurementOf(result *v1alpha1.MetricResult) Measurement {
	m := Measurement{Metric: result.Name, Phase: string(result.Phase), Message: result.Message}
	if last := len(result.Measurements) - 1; last >= 0 {
		m.Value = result.Measurements[last].Value
		if m.Message == "" {
			m.Message = result.Measurements[last].Message
		}
	}
	return m
}

func (c *Client) patch(ctx context.Context, name, verb string, patch map[string]any) error {
	return c.send(ctx, name, verb, patch)
}

func (c *Client) patchStatus(ctx context.Context, name, verb string, status map[string]any) error {
	return c.send(ctx, name, verb, map[string]any{"status": status}, "status")
}

func (c *Client) send(ctx context.Context, name, verb string, patch map[string]any, subresources ...string) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("%s rollout %s: %w", verb, name, err)
	}
	options := metav1.PatchOptions{FieldManager: "pocctl-canary"}
	if _, err := c.rollouts.Patch(ctx, name, types.MergePatchType, body, options, subresources...); err != nil {
		return fmt.Errorf("%s rollout %s: %w", verb, name, err)
	}
	return nil
}
