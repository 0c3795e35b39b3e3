package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/deploy"
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
// what is rendered, compared and applied is the same.
func (s *Stack) release(wanted config.Release) (deploy.Release, error) {
	chart, err := deploy.LoadChart(s.options.Charts, wanted.Chart)
	if err != nil {
		return deploy.Release{}, err
	}
	return deploy.Release{
		Name: wanted.Name, Namespace: wanted.Namespace, Chart: chart,
		Values: expandMap(wanted.Values, s.platform.endpoint()), Timeout: wanted.Timeout,
		Fingerprint: s.platform.fingerprint,
	}, nil
}

// releasesPreflight renders every chart and looks at the programs of the
// environment's own images before anything is made, so that what is wrong with
// them is refused with nothing touched.
func (s *Stack) releasesPreflight() flow.Step {
	return flow.Step{
		Name: Preflight + "/releases",
		Describe: func() string {
			return fmt.Sprintf("render %d charts with their values", len(s.options.Environment.Releases))
		},
		Run: func(_ context.Context, log *flow.Log) error {
			for name := range s.options.Environment.Images {
				if _, err := s.platform.fingerprint(name); err != nil {
					return err
				}
			}
			for _, wanted := range s.options.Environment.Releases {
				release, err := s.release(wanted)
				if err != nil {
					return err
				}
				if _, err := deploy.Render(release); err != nil {
					return err
				}
			}
			log.Detail("%d charts render", len(s.options.Environment.Releases))
			return nil
		},
		Budget:   time.Second,
		Deadline: 30 * time.Second,
	}
}

// deploySteps makes the namespace and its secrets, then each release after those
// that it depends on.
func (s *Stack) deploySteps() []flow.Step {
	secrets, definitions := s.secretsStep(), s.definitionsStep()
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
		steps = append(steps, flow.Step{
			Name:      Deploy + "/" + wanted.Name,
			DependsOn: depends,
			Describe: func() string {
				return fmt.Sprintf("release %s of chart %s in namespace %s", wanted.Name, wanted.Chart, wanted.Namespace)
			},
			Check:    func(ctx context.Context) (bool, error) { return s.inSync(ctx, wanted) },
			Run:      func(ctx context.Context, log *flow.Log) error { return s.upsert(ctx, wanted, log) },
			Budget:   wanted.Budget,
			Deadline: wanted.Timeout + 10*time.Second,
		})
	}
	return steps
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
