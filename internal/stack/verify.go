package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	"golang.org/x/oauth2"
	"k8s.io/client-go/kubernetes"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/verify/load"
	"github.com/pocctl/pocctl/internal/verify/reconcile"
	"github.com/pocctl/pocctl/internal/verify/slo"
	"github.com/pocctl/pocctl/internal/verify/smoke"
)

// smokeDeadline bounds each smoke check.
const smokeDeadline = 30 * time.Second

// smokeSteps asks the deployment whether it works.
func (s *Stack) smokeSteps() []flow.Step {
	environment := s.options.Environment
	root := ""
	if environment.Smoke.Release != "" {
		root = s.platform.endpoint()
	}
	if root == "" && len(environment.Releases) == 0 {
		return nil // a bare cluster: there is nothing to try
	}
	var steps []flow.Step
	// The list does not depend on the cluster, which need not be there yet, nor on
	// what a token is.
	var token oauth2.TokenSource
	if environment.Auth.Enabled() {
		token = oauth2.StaticTokenSource(nil)
	}
	var unconnected *kubernetes.Clientset
	for _, check := range smoke.Checks(smoke.Options{
		Kubernetes: unconnected, Root: root, Namespace: environment.Namespace, Path: environment.Smoke.Path,
		Issuer: s.Issuer(), Token: token,
	}) {
		steps = append(steps, flow.Step{
			Name:      check.Name,
			DependsOn: check.DependsOn,
			Describe:  func() string { return check.Describe },
			Run:       func(ctx context.Context, log *flow.Log) error { return s.smoke(ctx, check.Name, log) },
			Budget:    5 * time.Second,
			Deadline:  smokeDeadline + 10*time.Second,
		})
	}
	return steps
}

func (s *Stack) smoke(ctx context.Context, name string, log *flow.Log) error {
	client, err := s.Deployer()
	if err != nil {
		return err
	}
	environment := s.options.Environment
	for _, check := range smoke.Checks(smoke.Options{
		Kubernetes: client.Kubernetes(),
		Rollouts:   s.rollouts(client),
		Namespace:  environment.Namespace,
		Root:       s.platform.endpoint(),
		Path:       environment.Smoke.Path,
		Issuer:     s.Issuer(),
		Token:      s.tokens(ctx, config.RoleEditor),
		Deadline:   smokeDeadline,
	}) {
		if check.Name == name {
			return check.Run(ctx, log)
		}
	}
	return fmt.Errorf("there is no smoke check %s", name)
}

// rollouts lists them where the environment delivers any release step by step.
func (s *Stack) rollouts(client *deploy.Client) func(context.Context, string) ([]*v1alpha1.Rollout, error) {
	if s.options.Environment.Canary.Release == "" {
		return nil
	}
	return client.Rollouts
}

// verifySteps sends the load and judges it, then looks at the dashboards, which show
// it, and then breaks things on purpose, which alerts have to tell of. An environment without a path for the load has none of the load.
func (s *Stack) verifySteps() []flow.Step {
	var steps []flow.Step
	if s.loads() {
		steps = s.loadSteps()
	}
	if s.options.Dashboards {
		steps = append(steps, s.dashboardSteps()...)
	}
	if s.options.Alerts {
		steps = append(steps, s.alertSteps()...)
	}
	return steps
}

func (s *Stack) loadSteps() []flow.Step {
	stages := s.loadStages()
	long, measured := load.Lengths(stages)
	return []flow.Step{{
		Name: Verify + "/slo",
		Describe: func() string {
			rate := "%.0f requests a second"
			if len(s.options.Stages) > 0 {
				rate = "up to " + rate
			}
			return fmt.Sprintf(rate+" for %s through the ingress, judged by %d objectives",
				load.Peak(stages), measured, len(s.options.Objectives.From(config.FromLoad)))
		},
		Run:      s.verify,
		Budget:   long + 10*time.Second,
		Deadline: long + time.Minute + 2*scrapePatience().Most,
	}}
}

// loads says whether the verify phase sends load.
func (s *Stack) loads() bool {
	return s.options.Environment.Load.Path != "" && !s.options.WithoutLoad
}

func (s *Stack) loadStages() []load.Stage {
	if len(s.options.Stages) > 0 {
		return s.options.Stages
	}
	return s.options.Plan.Stages()
}

func (s *Stack) loadScenario() load.Scenario {
	if s.options.Scenario != nil {
		return *s.options.Scenario
	}
	return load.Products()
}

func (s *Stack) verify(ctx context.Context, log *flow.Log) error {
	defer s.endOfLoad.Do(func() { close(s.loaded) })
	if !s.Running(ctx) { // or the load would go to whatever else has that port
		return fault.New(fault.NotUp, "env", s.options.Environment.Name)
	}
	stages := s.loadStages()
	long, measured := load.Lengths(stages)
	counters := s.counters(ctx, log)
	log.Waiting("up to %.0f requests a second for %s", load.Peak(stages), long)
	result, err := load.Run(ctx, load.Options{
		URL:      s.platform.endpoint() + s.options.Environment.Load.Path,
		Stages:   stages,
		Scenario: s.loadScenario(),
		Token:    s.tokens(context.WithoutCancel(ctx), config.RoleEditor), // what is made is removed after ctx, too
		Seed:     1,
		Progress: func(now load.Snapshot) { log.Waiting("%s", describe(now)) },
	})
	if err != nil {
		return err
	}
	verdicts := slo.Evaluate(s.options.Objectives, slo.Measured(result))
	s.keep(&result, verdicts, nil)
	if err := ctx.Err(); err != nil {
		return err
	}
	compared := counters.compare(ctx, result.Wire, s.options.Objectives, log)
	if compared != nil {
		verdicts = slo.Annul(verdicts, compared.Void)
	}
	s.keep(&result, verdicts, compared)
	log.Detail("%.0f requests a second held, p95 %.1f ms, %d of %d failed",
		result.Total.Held, result.Total.Latency.P95, result.Total.Failed, result.Total.Sent)
	if err := result.Held(); err != nil {
		return err
	}
	return slo.Judge(verdicts, measured)
}

// keep has what the load came to in the report.
func (s *Stack) keep(result *load.Result, verdicts []slo.Result, compared *reconcile.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load, s.slo, s.compared = result, verdicts, compared
}

// describe tells of a load under way. The percentile is left out until the stage
// has one.
func describe(now load.Snapshot) string {
	text := fmt.Sprintf("%s: %d sent, %d failed", now.Stage, now.Sent, now.Failed)
	if now.LatencyMS > 0 {
		text += fmt.Sprintf(", p95 %.1f ms", now.LatencyMS)
	}
	return text
}
