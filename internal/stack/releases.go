package stack

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/chart"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/deploy/remote"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
)

// Release gives the named release as it should be.
func (s *Stack) Release(name string) (deploy.Release, bool, error) {
	for _, wanted := range s.options.Environment.Releases {
		if wanted.Name == name {
			release, err := s.release(wanted)
			return release, true, err
		}
	}
	return deploy.Release{}, false, nil
}

// release is the one place where a release is made of its description, so that
// what is rendered, compared and applied is the same. Where its values name outputs
// that are not there yet, the error is errNoOutputs.
func (s *Stack) release(wanted config.Release) (deploy.Release, error) {
	chart, err := s.chart(wanted)
	if err != nil {
		return deploy.Release{}, err
	}
	outputs, err := s.platform.outputs()
	if err != nil {
		return deploy.Release{}, err
	}
	filling := expansion{ingress: s.platform.endpoint(), outputs: outputs}
	values, err := filling.values(wanted.Values)
	var unknown outputUnknown
	switch {
	case errors.As(err, &unknown):
		return deploy.Release{}, fault.New(fault.OutputUnknown, "release", wanted.Name, "output", unknown.name, "known", filling.names())
	case err != nil:
		return deploy.Release{}, fmt.Errorf("read the values of release %s: %w", wanted.Name, err)
	}
	return deploy.Release{
		Name: wanted.Name, Namespace: wanted.Namespace, Chart: chart,
		Values: values, Timeout: wanted.Timeout,
		Fingerprint: s.platform.fingerprint,
	}, nil
}

// chart reads a release's chart; one of a repository has to have been fetched.
func (s *Stack) chart(wanted config.Release) (*chart.Chart, error) {
	name := wanted.Chart
	if wanted.Repository != "" {
		path, err := remote.Kept(source(wanted), s.chartsDirectory())
		if err != nil {
			return nil, err
		}
		name = path
	}
	return deploy.LoadChart(s.options.Charts, name)
}

func source(wanted config.Release) remote.Source {
	return remote.Source{Chart: wanted.Chart, Repository: wanted.Repository, Version: wanted.Version, Digest: wanted.Digest}
}

// chartsDirectory keeps charts that were fetched.
func (s *Stack) chartsDirectory() string { return filepath.Join(s.options.StateDirectory, "charts") }

// releasesPreflight fetches charts and renders every one, and looks at the programs of
// the environment's own images before anything is made, so that what is wrong with
// them is refused with nothing touched.
func (s *Stack) releasesPreflight() []flow.Step {
	environment := s.options.Environment
	render := flow.Step{
		Name: Preflight + "/releases",
		Describe: func() string {
			return fmt.Sprintf("render %d charts with their values", len(environment.Releases))
		},
		Run:      s.renderAll,
		Budget:   time.Second,
		Deadline: 30 * time.Second,
	}
	fetched := s.remote()
	if len(fetched) == 0 {
		return []flow.Step{render}
	}
	fetch := flow.Step{
		Name:     Preflight + "/charts",
		Describe: func() string { return fmt.Sprintf("fetch %d charts from their repositories", len(fetched)) },
		Run: func(ctx context.Context, log *flow.Log) error {
			log.Waiting("the repositories of %d charts", len(fetched))
			if err := s.FetchCharts(ctx); err != nil {
				return err
			}
			log.Detail("%d charts, as they are pinned", len(fetched))
			return nil
		},
		Budget:   20 * time.Second,
		Deadline: 5 * time.Minute,
	}
	render.DependsOn = []string{fetch.Name}
	return []flow.Step{fetch, render}
}

// remote lists the releases whose charts come from repositories.
func (s *Stack) remote() []config.Release {
	return slices.DeleteFunc(slices.Clone(s.options.Environment.Releases), func(one config.Release) bool { return one.Repository == "" })
}

// FetchCharts has every chart of a repository on this machine.
func (s *Stack) FetchCharts(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(chartsAtOnce)
	for _, wanted := range s.remote() {
		all.Go(func() error {
			_, err := remote.Fetch(ctx, source(wanted), s.chartsDirectory())
			return err
		})
	}
	return all.Wait()
}

// chartsAtOnce is how many repositories are asked at once.
const chartsAtOnce = 4

func (s *Stack) renderAll(_ context.Context, log *flow.Log) error {
	for name := range s.options.Environment.Images {
		if _, err := s.platform.fingerprint(name); err != nil {
			return err
		}
	}
	later := 0
	for _, wanted := range s.options.Environment.Releases {
		release, err := s.release(wanted)
		if errors.Is(err, errNoOutputs) {
			later++
			continue
		}
		if err != nil {
			return err
		}
		if _, err := deploy.Render(release); err != nil {
			return err
		}
	}
	log.Detail("%d charts render", len(s.options.Environment.Releases)-later)
	if later > 0 {
		log.Detail("%d charts render, %d wait for what Terraform puts out", len(s.options.Environment.Releases)-later, later)
	}
	return nil
}

// provisionSteps are the platform's. Releases in AWS are taken away before what is
// under them: load balancers and volumes are their controllers' to take away.
func (s *Stack) provisionSteps() []flow.Step {
	steps := s.platform.provision()
	for i := range steps {
		if s.options.Environment.Kind != config.KindAWS || steps[i].Name != outputsStep {
			continue
		}
		undo := steps[i].Undo
		steps[i].Undo = func(ctx context.Context, log *flow.Log) error {
			s.takeReleases(ctx, log)
			return undo(ctx, log)
		}
	}
	return steps
}

// deploySteps makes the namespace and its secrets, then each release after those
// that it depends on.
func (s *Stack) deploySteps() []flow.Step {
	secrets, definitions := s.secretsStep(), s.definitionsStep()
	early := s.options.Environment.Kind == config.KindAWS
	if early { // while Terraform is still at work
		secrets.DependsOn, definitions.DependsOn = []string{ClusterStep}, []string{ClusterStep}
	}
	steps := []flow.Step{secrets, definitions}
	for _, wanted := range s.options.Environment.Releases {
		depends := []string{secrets.Name}
		if len(wanted.DependsOn) > 0 {
			// What stands alone, such as a database, need not wait for them.
			depends = append(depends, definitions.Name)
		}
		for _, other := range wanted.DependsOn {
			if other == config.Definitions {
				continue
			}
			depends = append(depends, Deploy+"/"+other)
		}
		if early && len(wanted.Outputs()) > 0 {
			depends = append(depends, outputsStep)
		}
		steps = append(steps, flow.Step{
			Name:      Deploy + "/" + wanted.Name,
			DependsOn: depends,
			Describe: func() string {
				return fmt.Sprintf("release %s of chart %s in namespace %s", wanted.Name, strings.TrimSpace(wanted.Chart+" "+wanted.Version), wanted.Namespace)
			},
			Check:    func(ctx context.Context) (bool, error) { return s.inSync(ctx, wanted) },
			Run:      func(ctx context.Context, log *flow.Log) error { return s.upsert(ctx, wanted, log) },
			Budget:   wanted.Budget,
			Deadline: wanted.Timeout + 10*time.Second,
		})
	}
	return steps
}

// ordered puts releases after those that depend on them, and otherwise leaves them as
// they are: the order in which they are taken away.
func ordered(releases []config.Release) []config.Release {
	var sorted []config.Release
	placed := map[string]bool{}
	var place func(config.Release)
	place = func(one config.Release) {
		if placed[one.Name] {
			return
		}
		placed[one.Name] = true
		for _, other := range releases {
			if slices.Contains(other.DependsOn, one.Name) {
				place(other)
			}
		}
		sorted = append(sorted, one)
	}
	for _, one := range releases {
		place(one)
	}
	return sorted
}

func (s *Stack) inSync(ctx context.Context, wanted config.Release) (bool, error) {
	client, err := s.Deployer()
	if err != nil {
		return false, err
	}
	release, err := s.release(wanted)
	if err != nil {
		return false, err
	}
	return client.InSync(ctx, release)
}

func (s *Stack) upsert(ctx context.Context, wanted config.Release, log *flow.Log) error {
	client, err := s.Deployer()
	if err != nil {
		return err
	}
	release, err := s.release(wanted)
	if err != nil {
		return err
	}
	if err := client.Upsert(ctx, release, log); err != nil {
		return err
	}
	log.Detail("chart %s %s", release.Chart.Name(), release.Chart.Metadata.Version)
	return nil
}

// secretsStep makes the namespace and the secrets that the environment names.
// Their values are kept beside the data that they guard.
func (s *Stack) secretsStep() flow.Step {
	environment := s.options.Environment
	return flow.Step{
		Name: Deploy + "/secrets",
		Describe: func() string {
			return fmt.Sprintf("namespace %s with %d secrets", environment.Namespace, len(environment.Secrets))
		},
		Run: func(ctx context.Context, log *flow.Log) error {
			client, err := s.Deployer()
			if err != nil {
				return err
			}
			if err := client.EnsureNamespace(ctx, environment.Namespace, nil); err != nil {
				return err
			}
			for _, secret := range environment.Secrets {
				data := map[string]string{}
				for _, key := range secret.Keys {
					if data[key], err = s.platform.secrets().Get(secret.Name, key, deploy.NewPassword()); err != nil {
						return err
					}
				}
				if _, err := client.EnsureSecret(ctx, environment.Namespace, secret.Name, data); err != nil {
					return err
				}
			}
			log.Detail("namespace %s, %d secrets", environment.Namespace, len(environment.Secrets))
			return nil
		},
		Budget:   time.Second,
		Deadline: 30 * time.Second,
	}
}
