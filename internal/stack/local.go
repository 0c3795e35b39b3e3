//go:build linux && !slim

package stack

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/doctor"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/provision/local"
	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/controlplane"
	"github.com/pocctl/pocctl/internal/provision/local/credentials"
	"github.com/pocctl/pocctl/internal/provision/local/image"
	"github.com/pocctl/pocctl/internal/provision/local/postgres"
)

// localPlatform is Kubernetes inside the binary.
type localPlatform struct {
	options Options

	mu       sync.Mutex
	postgres *postgres.Installation // nil until it has been looked for
}

func newLocal(options Options) (platform, error) { return &localPlatform{options: options}, nil }

func (p *localPlatform) kubeconfig() string { return p.describe("").Cluster().Kubeconfig() }

func (p *localPlatform) endpoint() string {
	c, err := cluster.Load(p.options.StateDirectory)
	if err != nil || c.Ingress == "" {
		return "http://" + p.options.Environment.Ingress.Address
	}
	return "http://" + c.Ingress
}

func (p *localPlatform) secrets() secretStore {
	return credentials.Open(p.describe("").Cluster().Data())
}

// connect finds nothing: what is up on this machine has its kubeconfig.
func (p *localPlatform) connect() (bool, error) { return false, nil }

func (p *localPlatform) outputs() (map[string]any, error) { return nil, nil }

func (p *localPlatform) grace() time.Duration { return 0 }

func (p *localPlatform) remove() error { return p.describe("").Remove(p.options.KeepData) }

func (p *localPlatform) parts() []string {
	return append(controlplane.Names(), "supervisor")
}

func (p *localPlatform) log(part string) string {
	if !slices.Contains(p.parts(), part) {
		return ""
	}
	return p.describe("").Cluster().Log(part)
}

// fingerprint asks the environment's own images alone: a cluster whose built-in
// ones have changed is another build, and restarts as a whole.
func (p *localPlatform) fingerprint(reference string) (string, error) {
	for name, own := range p.options.Environment.Images {
		if image.Normalise(name) == image.Normalise(reference) {
			return image.Image{Name: name, Program: own.Program, Args: own.Args, Env: own.Env}.Fingerprint()
		}
	}
	return "", nil
}

// describe gives the environment as it should be, with Postgres in directory.
func (p *localPlatform) describe(directory string) *local.Environment {
	var images map[string]cluster.Image
	if len(p.options.Environment.Images) > 0 {
		images = map[string]cluster.Image{}
	}
	for name, own := range p.options.Environment.Images {
		images[name] = cluster.Image{Program: own.Program, Args: own.Args, Env: own.Env}
	}
	return local.New(local.Options{
		Name:              p.options.Environment.Name,
		Directory:         p.options.StateDirectory,
		Binary:            p.options.Binary,
		Build:             p.options.Build,
		Ingress:           p.options.Environment.Ingress.Address,
		PostgresDirectory: directory,
		Images:            images,
	})
}

// desired is describe with the Postgres of this machine looked for, once.
func (p *localPlatform) desired(ctx context.Context) (*local.Environment, error) {
	if !p.needsPostgres() {
		return p.describe(""), nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.postgres == nil {
		found, err := postgres.Find(ctx, postgres.FindOptions{
			Directory: p.options.Environment.Postgres.Directory,
			CacheDir:  filepath.Join(p.options.StateDirectory, "cache"),
			Fetch:     true,
		})
		if err != nil {
			return nil, err
		}
		p.postgres = &found
	}
	return p.describe(p.postgres.BinDir), nil
}

func (p *localPlatform) needsPostgres() bool {
	for _, release := range p.options.Environment.Releases {
		if release.Chart == "postgres" {
			return true
		}
	}
	return false
}

func (p *localPlatform) preflight() []flow.Step {
	steps := []flow.Step{{
		Name:     Preflight + "/machine",
		Describe: func() string { return "look whether this machine can hold the environment" },
		Run:      p.checkMachine,
		Budget:   2 * time.Second,
		Deadline: 30 * time.Second,
	}}
	if p.needsPostgres() {
		steps = append(steps, flow.Step{
			Name:      Preflight + "/postgres",
			DependsOn: []string{Preflight + "/machine"}, // nothing is fetched onto a full disk
			Describe:  func() string { return "find this machine's Postgres, or fetch one" },
			Run:       p.findPostgres,
			Budget:    2 * time.Second,
			Deadline:  4 * time.Minute, // a fetch
		})
	}
	return steps
}

func (p *localPlatform) checkMachine(ctx context.Context, log *flow.Log) error {
	running, err := p.describe("").Up()
	if err != nil {
		return err
	}
	checks := doctor.Checks(doctor.Options{
		Environment: p.options.Environment, StateDir: p.options.StateDirectory, Running: running,
	})
	// A step of its own finds Postgres, or fetches it.
	checks = slices.DeleteFunc(checks, func(check doctor.Check) bool { return check.Name == "postgres" })
	report := doctor.Run(ctx, p.options.Environment.Name, checks)
	for _, result := range report.Checks {
		if result.Status == doctor.Warn {
			log.Info("%s: %s", result.Name, result.Detail)
		}
	}
	log.Detail("%d checks", len(report.Checks))
	return report.Err()
}

func (p *localPlatform) findPostgres(ctx context.Context, log *flow.Log) error {
	log.Waiting("a Postgres on this machine")
	if _, err := p.desired(ctx); err != nil {
		return err
	}
	log.Detail("Postgres %s in %s", p.postgres.Version, p.postgres.BinDir)
	return nil
}

func (p *localPlatform) provision() []flow.Step {
	return []flow.Step{
		{
			Name:     Provision + "/cluster",
			Describe: func() string { return "start Kubernetes: etcd, API server, controllers, scheduler" },
			Check:    p.clusterRuns,
			Run:      p.startCluster,
			Undo:     p.stopCluster,
			Budget:   10 * time.Second,
			Deadline: 90 * time.Second,
		},
		{
			Name:      Provision + "/node",
			DependsOn: []string{Provision + "/cluster"},
			Describe:  func() string { return "start the node: kubelet, process runtime, DNS, service proxy, ingress" },
			Check:     p.nodeRuns,
			Run:       p.startNode,
			Budget:    10 * time.Second,
			Deadline:  time.Minute,
		},
	}
}

// clusterRuns says whether this build runs the cluster as it is now described.
func (p *localPlatform) clusterRuns(ctx context.Context) (bool, error) {
	environment, err := p.desired(ctx)
	if err != nil {
		return false, err
	}
	running, err := environment.Running()
	if err != nil || !running {
		return false, err
	}
	stored, err := cluster.Load(p.options.StateDirectory)
	if err != nil {
		return false, err
	}
	return reflect.DeepEqual(stored, environment.Cluster()) && environment.APIReady(ctx), nil
}

func (p *localPlatform) startCluster(ctx context.Context, log *flow.Log) error {
	environment, err := p.desired(ctx)
	if err != nil {
		return err
	}
	if err := environment.Describe(); err != nil {
		return err
	}
	if err := environment.Start(ctx, log); err != nil {
		return err
	}
	if err := environment.AwaitAPI(ctx, log); err != nil {
		return err
	}
	log.Detail("Kubernetes API at %s", environment.Cluster().APIServer())
	return nil
}

func (p *localPlatform) stopCluster(ctx context.Context, log *flow.Log) error {
	return p.describe("").Stop(ctx, log)
}

// nodeRuns asks the supervisor too: after a restart, the Node object still says
// Ready until the new kubelet has its word.
func (p *localPlatform) nodeRuns(ctx context.Context) (bool, error) {
	environment := p.describe("")
	running, err := environment.Running()
	return running && environment.NodeReady(ctx), err
}

func (p *localPlatform) startNode(ctx context.Context, log *flow.Log) error {
	environment := p.describe("")
	if err := environment.AwaitNode(ctx, log); err != nil {
		return err
	}
	c := environment.Cluster()
	if c.Ingress != c.IngressWanted {
		log.Info("%s is taken; the ingress is at http://%s", c.IngressWanted, c.Ingress)
	}
	log.Detail("ingress at http://%s", c.Ingress)
	return nil
}

func (p *localPlatform) fallen() error {
	stands, err := p.describe("").Stands()
	if err != nil || stands {
		return nil //nolint:nilerr // not to be known now; the next look tells
	}
	return fault.New(fault.ClusterGone, "env", p.options.Environment.Name, "log", p.log("supervisor"))
}

// PlatformStatus tells how the cluster itself is.
func (p *localPlatform) status(ctx context.Context) PlatformStatus {
	environment := p.describe("")
	status := PlatformStatus{Kind: string(config.KindLocal), Components: []ComponentStatus{}}
	up, err := environment.Up()
	status.Running = err == nil && up && environment.APIReady(ctx)
	said, err := cluster.ReadStatus(p.options.StateDirectory)
	if err != nil {
		return status
	}
	for _, component := range said.Components {
		detail := fmt.Sprintf("process %d", component.PID)
		if component.PID == 0 || !status.Running {
			detail = "not running"
		}
		if component.Restarts > 0 {
			detail += fmt.Sprintf(", %d restarts", component.Restarts)
		}
		status.Components = append(status.Components, ComponentStatus{
			Name: component.Name, Ready: status.Running && component.Ready, Detail: detail,
		})
	}
	return status
}
