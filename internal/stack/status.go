package stack

import (
	"context"

	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/deploy/watch"
)

// Status is how an environment is now.
type Status struct {
	Schema    string            `json:"schema"` // pocctl.status/v1
	Env       string            `json:"env"`
	State     string            `json:"state"` // "up", "degraded" or "down"
	Platform  PlatformStatus    `json:"platform"`
	Releases  []ReleaseStatus   `json:"releases"`
	Endpoints map[string]string `json:"endpoints"`
	// Absent are parts that this environment can't have, with what to do instead.
	Absent map[string]string `json:"absent,omitempty"`
}

// PlatformStatus is how the cluster itself is.
type PlatformStatus struct {
	Kind       string            `json:"kind"`
	Running    bool              `json:"running"`
	Components []ComponentStatus `json:"components"`
}

// ComponentStatus is one part of the platform.
type ComponentStatus struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Detail string `json:"detail"`
}

// ReleaseStatus is one release with its resources.
type ReleaseStatus struct {
	deploy.Revision
	Ready     bool             `json:"ready"`
	Resources []ResourceStatus `json:"resources"`
}

// ResourceStatus is one resource of a release.
type ResourceStatus struct {
	Resource string `json:"resource"` // "deployment/backend"
	Ready    bool   `json:"ready"`
	Summary  string `json:"summary"` // "3/3 ready"
	Trouble  string `json:"trouble,omitempty"`
}

// The states of an environment.
const (
	Up       = "up"
	Degraded = "degraded"
	Down     = "down"
)

// Status asks the platform and, if it runs, the releases.
func (s *Stack) Status(ctx context.Context) (Status, error) {
	status := Status{
		Schema: "pocctl.status/v1", Env: s.options.Environment.Name, State: Down,
		Platform: s.platform.status(ctx), Releases: []ReleaseStatus{}, Endpoints: map[string]string{},
	}
	if !status.Platform.Running {
		return status, nil
	}
	status.State, status.Endpoints, status.Absent = Up, s.Endpoints(), s.options.Environment.Absent
	if len(s.options.Environment.Releases) == 0 {
		return status, nil // nobody to ask of the cluster
	}
	client, err := s.Deployer()
	if err != nil {
		return status, err
	}
	for _, wanted := range s.options.Environment.Releases {
		release, err := releaseStatus(ctx, client, wanted.Namespace, wanted.Name)
		if err != nil {
			return status, err
		}
		if !release.Ready {
			status.State = Degraded
		}
		status.Releases = append(status.Releases, release)
	}
	return status, nil
}

func releaseStatus(ctx context.Context, client *deploy.Client, namespace, name string) (ReleaseStatus, error) {
	status := ReleaseStatus{
		Revision:  deploy.Revision{Release: name, Namespace: namespace, Status: "not deployed"},
		Resources: []ResourceStatus{},
	}
	history, err := client.History(ctx, namespace, name)
	if err != nil || len(history) == 0 {
		return status, err
	}
	status.Revision = history[len(history)-1]
	status.Ready = status.Status == "deployed"
	states, err := client.States(ctx, namespace, name)
	if err != nil {
		return status, err
	}
	for _, state := range states {
		if !watch.Watched(state.Object.Kind) {
			continue
		}
		status.Ready = status.Ready && state.Ready
		status.Resources = append(status.Resources, ResourceStatus{
			Resource: state.Object.String(), Ready: state.Ready, Summary: state.Summary, Trouble: state.Trouble,
		})
	}
	return status, nil
}

// Running says whether the platform runs and answers.
func (s *Stack) Running(ctx context.Context) bool { return s.platform.status(ctx).Running }
