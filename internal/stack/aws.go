package stack

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/duration"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/provision/aws"
	"github.com/pocctl/pocctl/internal/provision/aws/leftovers"
	"github.com/pocctl/pocctl/internal/provision/aws/preflight"
)

// awsPlatform is an account of AWS, by Terraform.
type awsPlatform struct {
	options     Options
	environment *aws.Environment

	mu       sync.Mutex
	overview *aws.Overview // nil until preflight has planned

	// applied is closed when this run's apply has passed, and failed when it has not.
	applied, failed chan struct{}
}

func newAWS(options Options) platform {
	described := options.Environment.AWS
	return &awsPlatform{options: options, applied: make(chan struct{}), failed: make(chan struct{}), environment: aws.New(aws.Options{
		Name: options.Environment.Name, Account: described.Account, Region: described.Region, Domain: described.Domain,
		Root: described.Root, Bucket: described.StateBucket, Protected: described.Protected, Variables: described.Variables,
		Modules: options.Modules, Directory: options.StateDirectory,
		Resolver: resolver(described.Resolver), Requests: busiest(options.Environment),
	})}
}

// resolver asks that name server; nil asks the machine's own.
func resolver(address string) preflight.Resolver {
	if address == "" {
		return nil
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
}

// busiest is how many requests pocctl sends in five minutes at most: the load, and a
// canary before it.
func busiest(environment config.Environment) int {
	const window = 5 * time.Minute
	load := min(environment.Load.Duration+environment.Load.Warmup, window)
	return int(float64(environment.Load.Rate)*load.Seconds() + float64(environment.Canary.Rate)*(window-load).Seconds())
}

// TerraformStep is the name of the step in which Terraform works.
const TerraformStep = Provision + "/terraform"

// outputsStep is the name of the step that reads Terraform's outputs.
const outputsStep = Provision + "/outputs"

const (
	// terraformBudget is the share of Terraform in an environment's hour.
	terraformBudget = 35 * time.Minute
	// terraformDeadline ends an apply: a database that AWS restores takes longest.
	terraformDeadline = 2 * time.Hour
)

func (p *awsPlatform) preflight() []flow.Step {
	return []flow.Step{
		{
			Name: Preflight + "/account",
			Describe: func() string {
				return "make sure that the credentials are of account " + p.options.Environment.AWS.Account
			},
			Run:      p.confirm,
			Budget:   2 * time.Second,
			Deadline: 30 * time.Second,
		},
		{
			Name:     Preflight + "/terraform",
			Describe: func() string { return "find Terraform, or fetch it" },
			Run:      p.findTerraform,
			Budget:   2 * time.Second,
			Deadline: 6 * time.Minute, // a fetch
		},
		{
			Name:      Preflight + "/plan",
			DependsOn: []string{Preflight + "/account", Preflight + "/terraform"},
			Describe:  func() string { return "plan, and ask AWS for permissions, quotas and the zone" },
			Run:       p.look,
			Budget:    time.Minute,
			Deadline:  terraformDeadline, // that of an earlier run may be at work still
		},
	}
}

func (p *awsPlatform) confirm(ctx context.Context, log *flow.Log) error {
	log.Waiting("AWS to say whose credentials these are")
	identity, err := p.environment.Confirm(ctx)
	if err != nil {
		return err
	}
	log.Detail("account %s as %s", identity.Account, identity.ARN)
	return nil
}

func (p *awsPlatform) findTerraform(ctx context.Context, log *flow.Log) error {
	log.Waiting("a Terraform on this machine")
	found, err := p.environment.Terraform(ctx)
	if err != nil {
		return err
	}
	log.Detail("Terraform %s at %s", found.Version, found.Path)
	return nil
}

func (p *awsPlatform) look(ctx context.Context, log *flow.Log) error {
	if err := p.environment.Await(ctx, log); err != nil {
		return err
	}
	overview, err := p.environment.Look(ctx, aws.LookOptions{Checks: true}, log)
	if err != nil {
		return err
	}
	for _, check := range overview.Checks.Checks {
		if check.Status == "unknown" {
			log.Info("%s: %s", check.Name, check.Detail)
		}
	}
	for _, quota := range overview.Checks.Quotas {
		if quota.Status == "unknown" {
			log.Info("quota of %s: %d needed; %s", quota.Name, quota.Needed, quota.Why)
		}
	}
	p.mu.Lock()
	p.overview = &overview
	p.mu.Unlock()
	counts := overview.Counts
	log.Detail("%d to add, %d to change, %d to destroy, %d to replace; %.0f USD a month; %s", counts.Add, counts.Change, counts.Destroy,
		counts.Replace, overview.Cost.After, duration.Seconds(overview.Forecast.Seconds))
	return overview.Checks.Err()
}

func (p *awsPlatform) provision() []flow.Step {
	steps := []flow.Step{
		{
			Name:     Provision + "/state",
			Describe: func() string { return "bucket " + p.environment.Bucket() + " for Terraform's state" },
			Run:      p.bootstrap,
			Undo:     p.lookForLeftovers,
			Budget:   10 * time.Second,
			Deadline: 5 * time.Minute,
		},
		{
			Name:      TerraformStep,
			DependsOn: []string{Provision + "/state"},
			Describe:  func() string { return "network, cluster, database, cache and edge, by Terraform" },
			Check:     p.inSync,
			Run:       p.apply,
			Undo:      p.destroy,
			Budget:    terraformBudget,
			Deadline:  terraformDeadline,
		},
		{
			Name:      outputsStep,
			DependsOn: []string{TerraformStep},
			Describe:  func() string { return "read what Terraform has made" },
			Run:       p.readOutputs,
			Undo:      p.removeKubernetesMade,
			Budget:    5 * time.Second,
			Deadline:  time.Hour, // with Helm's releases, when it is taken back
		},
	}
	if len(p.options.Environment.Releases) > 0 {
		steps = append(steps, p.clusterDescribed())
	}
	return steps
}

func (p *awsPlatform) bootstrap(ctx context.Context, log *flow.Log) error {
	made, err := p.environment.Bootstrap(ctx)
	if err != nil {
		return err
	}
	if made {
		log.Detail("made bucket %s", p.environment.Bucket())
	} else {
		log.Detail("bucket %s was there", p.environment.Bucket())
	}
	return nil
}

// inSync goes by preflight's plan of this very run.
func (p *awsPlatform) inSync(context.Context) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.overview != nil && p.overview.InSync(), nil
}

func (p *awsPlatform) apply(ctx context.Context, log *flow.Log) error {
	applied, err := p.environment.Apply(ctx, log)
	if err != nil {
		close(p.failed)
		return err
	}
	close(p.applied)
	log.Detail("%d added, %d changed, %d destroyed, %d replaced in %s; %s was predicted", applied.Counts.Add, applied.Counts.Change,
		applied.Counts.Destroy, applied.Counts.Replace, duration.Seconds(applied.Seconds), duration.Seconds(applied.Predicted))
	return nil
}

func (p *awsPlatform) destroy(ctx context.Context, log *flow.Log) error {
	applied, err := p.environment.Destroy(ctx, log)
	if err != nil {
		return err
	}
	log.Detail("%d taken away", applied.Counts.Destroy)
	return nil
}

func (p *awsPlatform) readOutputs(ctx context.Context, log *flow.Log) error {
	outputs, err := p.environment.ReadOutputs(ctx, log)
	if err != nil {
		return err
	}
	log.Detail("%s", outputs.URL)
	return nil
}

func (p *awsPlatform) removeKubernetesMade(ctx context.Context, log *flow.Log) error {
	log.Waiting("what Kubernetes made: load balancers and volumes")
	removed, err := p.environment.RemoveKubernetesMade(ctx, log)
	if err != nil {
		return err
	}
	log.Detail("%d load balancers and volumes taken away", removed)
	return nil
}

// settle is how long AWS may go on listing what has been deleted.
const settle = 2 * time.Minute

// lookForLeftovers comes last of all when an environment is taken down.
func (p *awsPlatform) lookForLeftovers(ctx context.Context, log *flow.Log) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	enough := time.After(settle)
	for {
		found, err := p.environment.Leftovers(ctx)
		if err != nil {
			return err
		}
		standing := leftovers.Standing(found)
		if len(standing) == 0 {
			log.Detail("nothing is left; %d wait for AWS to let them go", len(found))
			return nil
		}
		log.Waiting("AWS to let go of %s", names(standing, 3))
		select {
		case <-enough:
			return fault.New(fault.LeftBehind, "leftovers", names(standing, len(standing)))
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func names(found []leftovers.Leftover, most int) string {
	list := make([]string, 0, len(found))
	for _, one := range found[:min(most, len(found))] {
		list = append(list, one.ARN)
	}
	if more := len(found) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list, ", "), more)
	}
	return strings.Join(list, ", ")
}

func (p *awsPlatform) kubeconfig() string { return p.environment.Kubeconfig() }

// endpoint is known before anything is made: it is the domain.
func (p *awsPlatform) endpoint() string { return "https://" + p.options.Environment.AWS.Domain }

// secrets are in Secrets Manager, and not pocctl's.
func (p *awsPlatform) secrets() secretStore { return noSecrets{} }

type noSecrets struct{}

// Get refuses: config allows no secrets of pocctl's own in AWS.
func (noSecrets) Get(name, _, _ string) (string, error) {
	return "", fmt.Errorf("secret %s: environments in AWS take theirs from Secrets Manager", name)
}

// outputs are Terraform's, nil before there are any.
func (p *awsPlatform) outputs() (map[string]any, error) { return p.environment.AllOutputs() }

// status says whether Terraform has made the environment, by what it has put out, and
// whether its cluster answers.
func (p *awsPlatform) status(ctx context.Context) PlatformStatus {
	status := PlatformStatus{Kind: "aws", Components: []ComponentStatus{}}
	bare := len(p.options.Environment.Releases) == 0 // there is nothing to ask its cluster
	status.Running = !bare && p.answers(ctx)
	outputs, err := p.environment.Outputs()
	if err != nil {
		return status
	}
	status.Running = status.Running || bare
	for _, part := range []ComponentStatus{
		{Name: "cluster", Detail: outputs.ClusterName}, {Name: "database", Detail: outputs.DatabaseEndpoint},
		{Name: "cache", Detail: outputs.RedisEndpoint}, {Name: "edge", Detail: outputs.URL},
	} {
		part.Ready = part.Detail != ""
		status.Components = append(status.Components, part)
	}
	return status
}

func (p *awsPlatform) fallen() error                      { return nil }
func (p *awsPlatform) parts() []string                    { return nil }
func (p *awsPlatform) log(string) string                  { return "" }
func (p *awsPlatform) fingerprint(string) (string, error) { return "", nil }
func (p *awsPlatform) remove() error                      { return p.environment.Remove() }

// grace lets Terraform finish what it is at.
func (p *awsPlatform) grace() time.Duration { return aws.Patience + time.Minute }

// Infrastructure plans what is under the cluster; nil where nothing is.
func (s *Stack) Infrastructure(ctx context.Context, options aws.LookOptions, progress aws.Progress) (*aws.Overview, error) {
	p, is := s.platform.(*awsPlatform)
	if !is {
		return nil, nil
	}
	overview, err := p.environment.Look(ctx, options, progress)
	if err != nil {
		return nil, err
	}
	return &overview, nil
}
