package stack

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/delivery"
	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/deploy/rollout"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/report"
	"github.com/pocctl/pocctl/internal/verify/canary"
	"github.com/pocctl/pocctl/internal/verify/load"
)

// canaryDeadline bounds a canary that is watched: its steps are minutes.
const canaryDeadline = 30 * time.Minute

// canarySteps deliver what the release should be, step by step, and judge it. In an
// environment where nothing is new, the version that serves is tried against itself
// once, which shows that the way works before it is needed.
func (s *Stack) canarySteps() []flow.Step {
	wanted, has := s.canaryRelease()
	if !has {
		return nil
	}
	var steps []flow.Step
	last := []string(nil)
	if len(s.options.CanaryValues) > 0 {
		steps = append(steps, flow.Step{
			Name:     Canary + "/deploy",
			Describe: func() string { return "release " + wanted.Name + " with what is new, to a part of the requests" },
			Run:      func(ctx context.Context, log *flow.Log) error { return s.deployCanary(ctx, wanted, log) },
			Budget:   wanted.Budget, Deadline: wanted.Timeout + 10*time.Second,
		})
		last = []string{steps[0].Name}
	}
	return append(steps, flow.Step{
		Name: Canary + "/" + wanted.Name, DependsOn: last,
		Describe: func() string {
			return "shift requests to the new version of " + wanted.Name + " step by step, and judge it against the stable one"
		},
		Check: func(ctx context.Context) (bool, error) {
			if s.options.CanaryAlways {
				return false, nil
			}
			return s.proven(ctx, wanted)
		},
		Run:      func(ctx context.Context, log *flow.Log) error { return s.deliver(ctx, wanted, log) },
		Budget:   2 * time.Minute,
		Deadline: canaryDeadline,
	})
}

// canaryRelease gives the release that is delivered step by step.
func (s *Stack) canaryRelease() (config.Release, bool) {
	for _, one := range s.options.Environment.Releases {
		if name := s.options.Environment.Canary.Release; name != "" && one.Name == name {
			return one, true
		}
	}
	return config.Release{}, false
}

// proven says that the version that serves came to its end as a canary.
func (s *Stack) proven(ctx context.Context, wanted config.Release) (bool, error) {
	client, err := s.rolloutClient(wanted)
	if err != nil {
		return false, err
	}
	state, err := client.Read(ctx, wanted.Name)
	return err == nil && state.Whole() && state.ProvenHash == state.Stable, err
}

// deployCanary changes the release's values. The environment's file still says
// otherwise: the next up goes back to it.
func (s *Stack) deployCanary(ctx context.Context, wanted config.Release, log *flow.Log) error {
	client, err := s.Deployer()
	if err != nil {
		return err
	}
	release, err := s.release(wanted)
	if err != nil {
		return err
	}
	release.Values = chartutil.CoalesceTables(s.options.CanaryValues, release.Values)
	before, err := s.rolloutState(ctx, wanted)
	if err != nil {
		return err
	}
	if before.UnderWay() {
		return fault.New(fault.CanaryUnderWay, "release", wanted.Name)
	}
	if err := client.Upsert(ctx, release, log); err != nil {
		return err
	}
	log.Detail("chart %s %s", release.Chart.Name(), release.Chart.Metadata.Version)
	return nil
}

// deliver follows the canary that is under way, or tries the version that serves.
func (s *Stack) deliver(ctx context.Context, wanted config.Release, log *flow.Log) error {
	environment := s.options.Environment
	deployer, err := s.Deployer()
	if err != nil {
		return err
	}
	release, err := s.release(wanted)
	if err != nil {
		return err
	}
	rollouts, err := s.rolloutClient(wanted)
	if err != nil {
		return err
	}
	prometheus, err := s.reach(environment.Canary.Prometheus)
	if err != nil {
		return err
	}
	source, err := canary.NewSource(canary.Options{
		URL: prometheus, Job: wanted.Name, Namespace: wanted.Namespace,
	})
	if err != nil {
		return err
	}
	options := delivery.Options{
		Name: wanted.Name, Rollouts: rollouts, Source: source, Progress: log,
		Limits:  canaryLimits(s.options.Objectives, environment.Canary),
		Trouble: func(ctx context.Context) (string, error) { return canaryTrouble(ctx, deployer, wanted) },
		Undo: func(ctx context.Context) error {
			if trial, err := rollouts.Untry(ctx, wanted.Name); trial || err != nil {
				return err
			}
			return deployer.Rollback(ctx, release, 0, log)
		},
		Next: "pocctl logs" + s.flag() + " " + wanted.Name,
	}
	if s.options.Environment.Canary.Rate > 0 && environment.Load.Path != "" {
		options.Load = s.canaryLoad
	}
	result, err := delivery.Follow(ctx, options)
	if result.To != "" {
		shown := &report.Canary{
			From: rollouts.Version(context.WithoutCancel(ctx), result.From), To: rollouts.Version(context.WithoutCancel(ctx), result.To),
			Verdict: verdict(result, err), Reason: result.Verdict.Reason, Weight: result.Weight, Requests: result.Requests,
			Seconds: result.Took.Seconds(), Findings: result.Verdict.Findings,
		}
		s.mu.Lock()
		s.canary = shown
		s.mu.Unlock()
	}
	return err
}

// canaryTrouble looks at the pods of the version that is new.
func canaryTrouble(ctx context.Context, deployer *deploy.Client, wanted config.Release) (string, error) {
	states, err := deployer.States(ctx, wanted.Namespace, wanted.Name)
	if err != nil {
		return "", err
	}
	for _, state := range states {
		if state.Object.Kind == "Rollout" && state.Failure != nil {
			return state.Failure.Describe(), nil
		}
	}
	return "", nil
}

// verdict names how a delivery ended.
func verdict(result delivery.Result, err error) string {
	switch {
	case result.Promoted:
		return "promoted"
	case errors.Is(err, context.Canceled):
		return "under-way"
	default:
		return "rolled-back"
	}
}

// canaryLoad sends requests until its context ends.
func (s *Stack) canaryLoad(ctx context.Context) error {
	environment := s.options.Environment
	_, err := load.Run(ctx, load.Options{
		URL:      s.platform.endpoint() + environment.Load.Path,
		Stages:   load.Plan{Rate: float64(environment.Canary.Rate), Duration: canaryDeadline, Warmup: environment.Load.Warmup}.Stages(),
		Scenario: load.Products(),
		Token:    s.tokens(context.WithoutCancel(ctx), config.RoleEditor),
		Seed:     1,
	})
	return err
}

// GoBack goes back to a revision of a release (0: the last one deployed before the
// present one) and waits until it serves. What is delivered step by step goes back at
// once: it has served before, and people who go back are in a hurry.
func (s *Stack) GoBack(ctx context.Context, release deploy.Release, revision int, log *flow.Log) error {
	deployer, err := s.Deployer()
	if err != nil {
		return err
	}
	if err := deployer.Rollback(ctx, release, revision, log); err != nil {
		return err
	}
	wanted, has := s.canaryRelease()
	if !has || wanted.Name != release.Name {
		return nil
	}
	rollouts, err := s.rolloutClient(wanted)
	if err != nil {
		return err
	}
	return delivery.Promote(ctx, delivery.Options{Name: wanted.Name, Rollouts: rollouts, Progress: log})
}

func (s *Stack) rolloutClient(wanted config.Release) (*rollout.Client, error) {
	client, err := s.Deployer()
	if err != nil {
		return nil, err
	}
	return rollout.NewClient(client.Config(), wanted.Namespace)
}

func (s *Stack) rolloutState(ctx context.Context, wanted config.Release) (rollout.State, error) {
	client, err := s.rolloutClient(wanted)
	if err != nil {
		return rollout.State{}, err
	}
	return client.Read(ctx, wanted.Name)
}

// canaryLimits takes the limits of a canary from the objectives.
func canaryLimits(objectives config.Objectives, settings config.Canary) canary.Limits {
	limits := canary.Limits{MinimumRequests: int64(settings.Samples), Looks: 60, MaximumMemoryGrowth: settings.MemoryGrowth * (1 << 20)}
	for _, objective := range objectives {
		switch objective.Indicator {
		case config.ErrorRate:
			limits.ErrorRate = objective.Limit.Value / 100
		case config.Latency:
			limits.LatencyBound, limits.LatencyShare = objective.Limit.Value/1000, math.Round((1-objective.Quantile)*1e6)/1e6
		default:
		}
	}
	return limits
}

// Canary gives how the last delivery ended, or nil.
func (s *Stack) Canary() *report.Canary {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.canary
}

// Steer does to the canary that is under way what a person wants: promote, abort,
// hold or resume.
func (s *Stack) Steer(ctx context.Context, what string) (rollout.State, error) {
	wanted, has := s.canaryRelease()
	if !has {
		return rollout.State{}, fault.New(fault.CanaryUnset, "env", s.options.Environment.Name)
	}
	client, err := s.rolloutClient(wanted)
	if err != nil {
		return rollout.State{}, err
	}
	state, err := client.Read(ctx, wanted.Name)
	if err != nil {
		return state, err
	}
	if !state.UnderWay() || state.Aborted {
		return state, fault.New(fault.CanaryNone, "release", wanted.Name)
	}
	switch what {
	case "promote":
		err = client.Promote(ctx, wanted.Name)
	case "abort":
		err = client.Abort(ctx, wanted.Name)
	case "hold":
		err = client.Hold(ctx, wanted.Name, true)
	case "resume":
		err = client.Hold(ctx, wanted.Name, false)
	default:
		err = fmt.Errorf("there is no way to %s a canary", what)
	}
	if err != nil {
		return state, err
	}
	return client.Read(ctx, wanted.Name)
}
