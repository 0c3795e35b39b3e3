// Package stack turns an environment's description into the steps that bring it
// up: the one list that plan prints, up runs, and down walks backwards.
package stack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/deploy/watch"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/report"
	"github.com/pocctl/pocctl/internal/verify/alerts"
	"github.com/pocctl/pocctl/internal/verify/dashboards"
	"github.com/pocctl/pocctl/internal/verify/load"
	"github.com/pocctl/pocctl/internal/verify/reconcile"
	"github.com/pocctl/pocctl/internal/verify/slo"
)

// The phases, in order.
const (
	Preflight = "preflight"
	Provision = "provision"
	Deploy    = "deploy"
	Smoke     = "smoke"
	Canary    = "canary"
	Verify    = "verify"
)

// Options of a stack.
type Options struct {
	Environment config.Environment
	Objectives  config.Objectives
	// Charts holds the built-in charts, one directory each.
	Charts fs.FS
	// Definitions holds custom resource definitions, in the folder definitions.
	Definitions fs.FS
	// Modules holds the Terraform modules, with their roots.
	Modules fs.FS
	// StateDirectory is the environment's, absolute.
	StateDirectory string
	// Binary is this pocctl, absolute, and Build its identity.
	Binary, Build string
	// CanaryValues are merged over those of the release that is delivered step by
	// step, by the canary phase alone.
	CanaryValues map[string]any
	// CanaryAlways tries the version that serves even where it is proven.
	CanaryAlways bool
	// Plan is the load of the verify phase.
	Plan load.Plan
	// Stages and Scenario are sent instead of Plan and the shop's own load, if given.
	Stages   []load.Stage
	Scenario *load.Scenario
	// WithoutLoad leaves the load and its verdicts out of the verify phase.
	WithoutLoad bool
	// Dashboards adds to the verify phase that every panel is asked for, and Page
	// is the file, absolute, that they are drawn into where there is no load, whose
	// page has them otherwise; empty draws none.
	Dashboards bool
	Page       string
	// Alerts adds to the verify phase that faults are made, and alerts have to tell of them.
	Alerts bool
	// Flags are what a command has to be given to find this environment, for
	// commands that are suggested: "--env /path/shop.yaml", or empty.
	Flags string
	// KeepData leaves volumes and passwords when the environment is taken down.
	KeepData bool
}

// Stack is an environment as steps, with what they have found out so far.
type Stack struct {
	options  Options
	platform platform

	mu     sync.Mutex
	client *deploy.Client
	slo    []slo.Result
	load   *load.Result
	panels []dashboards.Result
	drills []alerts.Outcome
	asked  dashboards.Options // what the panels are of
	// compared is what the service's own metrics say of the load.
	compared *reconcile.Result
	// loaded is closed when the load has ended, however it did.
	loaded    chan struct{}
	endOfLoad sync.Once
	// looked is closed when the dashboards have been asked.
	looked    chan struct{}
	endOfLook sync.Once
	canary    *report.Canary
	// passages are the addresses, by endpoint, that lead into the cluster.
	passages map[string]string
}

// platform is what an environment runs on.
type platform interface {
	// preflight and provision give the steps of those phases. Nothing is
	// touched in preflight.
	preflight() []flow.Step
	provision() []flow.Step
	// kubeconfig is the path of the administrator's kubeconfig.
	kubeconfig() string
	// connect writes the kubeconfig of a cluster that was made from another machine, if
	// there is one.
	connect() (bool, error)
	// endpoint is where HTTP enters: scheme and host.
	endpoint() string
	// secrets keeps the passwords of the environment with its data.
	secrets() secretStore
	// status tells how the platform itself is.
	status(ctx context.Context) PlatformStatus
	// fallen says that the platform has ended while it was worked on, or nil.
	fallen() error
	// parts names what has a log of its own beside the pods, and log gives its
	// path; "" for what has none.
	parts() []string
	log(part string) string
	// fingerprint identifies the program behind an image of the environment's
	// own; "" for any other image.
	fingerprint(image string) (string, error)
	// outputs are what Terraform has put out, by name; nil where there are none yet.
	outputs() (map[string]any, error)
	// remove deletes what is left of a stopped environment.
	remove() error
	// grace is how long a step of this platform may take to end when it is
	// interrupted; zero means the engine's own.
	grace() time.Duration
}

// secretStore keeps generated passwords where they share the data's fate.
type secretStore interface {
	// Get gives the value kept under name and key, or keeps fresh and gives that.
	Get(name, key, fresh string) (string, error)
}

// New reads nothing and touches nothing: it only knows how the environment would
// be made. An environment that cannot run here is a fault.PlatformUnsupported.
func New(options Options) (*Stack, error) {
	s := &Stack{options: options, loaded: make(chan struct{}), looked: make(chan struct{})}
	var err error
	switch kind := options.Environment.Kind; kind {
	case config.KindLocal:
		s.platform, err = newLocal(options)
	case config.KindAWS:
		s.platform = newAWS(options)
	default:
		err = fault.New(fault.KindUnsupported, "env", options.Environment.Name, "kind", string(kind))
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Steps lists the whole of `up`.
func (s *Stack) Steps() []flow.Step {
	steps := append(s.platform.preflight(), s.releasesPreflight()...)
	steps = chain(steps, s.provisionSteps())
	if s.options.Environment.Kind == config.KindAWS && len(s.options.Environment.Releases) == 0 {
		return steps // nothing is put on the cluster
	}
	steps = chain(steps, s.whileItStands(s.deploySteps()))
	steps = chain(steps, s.whileItStands(s.smokeSteps()))
	steps = chain(steps, s.whileItStands(s.canarySteps()))
	return chain(steps, s.whileItStands(s.verifySteps()))
}

// Phase lists the steps of one phase, which then wait for each other alone.
func (s *Stack) Phase(name string) []flow.Step {
	var steps []flow.Step
	for _, step := range s.Steps() {
		if flow.PhaseOf(step.Name) != name {
			continue
		}
		step.DependsOn = slices.DeleteFunc(slices.Clone(step.DependsOn), func(other string) bool {
			return flow.PhaseOf(other) != name
		})
		steps = append(steps, step)
	}
	return steps
}

// chain lets the phase next begin when all of the one before has ended: every
// step of next that depends on nothing waits for the earlier steps that nothing
// waits for.
func chain(earlier, next []flow.Step) []flow.Step {
	waited := map[string]bool{}
	for _, step := range earlier {
		for _, name := range step.DependsOn {
			waited[name] = true
		}
	}
	var last []string
	for _, step := range earlier {
		if !waited[step.Name] {
			last = append(last, step.Name)
		}
	}
	for i := range next {
		if len(next[i].DependsOn) == 0 {
			next[i].DependsOn = last
		}
	}
	return append(earlier, next...)
}

// Verdicts gives what verify found, if it ran.
func (s *Stack) Verdicts() []slo.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slo
}

// Load gives what the load measured, or nil.
func (s *Stack) Load() *load.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load
}

// Reconciled gives how the load compares with the service's own metrics, or nil.
func (s *Stack) Reconciled() *reconcile.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.compared
}

// Panels gives what the queries of the dashboards came to, if they were asked.
func (s *Stack) Panels() []dashboards.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.panels
}

// Boards draws the dashboards as a part of a page; nil if they were not asked for.
func (s *Stack) Boards() (*dashboards.Part, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.panels == nil {
		return nil, nil
	}
	part, err := dashboards.Draw(s.panels, s.asked)
	return &part, err
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (s *Stack) Kubeconfig() string { return s.platform.kubeconfig() }

// Endpoints gives the addresses that people use, by name.
func (s *Stack) Endpoints() map[string]string {
	endpoints := map[string]string{"app": s.platform.endpoint(), "kubeconfig": s.platform.kubeconfig()}
	for name, address := range s.options.Environment.Endpoints {
		if strings.HasPrefix(address, config.ClusterURL) {
			continue // for pocctl alone
		}
		endpoints[name] = strings.ReplaceAll(address, config.IngressURL, s.platform.endpoint())
	}
	return endpoints
}

// Remove deletes what is left of an environment that has been taken down.
func (s *Stack) Remove() error { return s.platform.remove() }

// Grace is how long a step may take to end when the run is interrupted; zero means the
// engine's own.
func (s *Stack) Grace() time.Duration { return s.platform.grace() }

// Deployer gives the client that works on the environment's releases. Where there
// is no cluster, the error is a fault.NotUp.
func (s *Stack) Deployer() (*deploy.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	if err := s.connect(); err != nil {
		return nil, err
	}
	client, err := deploy.New(deploy.Options{
		Kubeconfig: s.platform.kubeconfig(),
		Namespace:  s.options.Environment.Namespace,
		Next:       s.lookFurther,
	})
	if err != nil {
		return nil, fmt.Errorf("connect to environment %s: %w", s.options.Environment.Name, err)
	}
	s.client = client
	return client, nil
}

// Connect has a kubeconfig on this machine. Where there is no cluster, the error is a
// fault.NotUp.
func (s *Stack) Connect() error { return s.connect() }

func (s *Stack) connect() error {
	_, err := os.Stat(s.platform.kubeconfig())
	if !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	connected, err := s.platform.connect()
	if err == nil && !connected {
		err = fault.New(fault.NotUp, "env", s.options.Environment.Name)
	}
	return err
}

// forget drops the client, so that the next one asks the cluster anew.
func (s *Stack) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = nil
}

// lookFurther gives the command that shows more of a failure.
func (s *Stack) lookFurther(failure watch.Failure) string {
	command := "pocctl logs"
	if failure.Pod == "" {
		return "pocctl status" + s.flag()
	}
	if failure.Previous {
		command += " --previous"
	}
	return command + s.flag() + " " + failure.Pod
}

func (s *Stack) flag() string {
	if s.options.Flags == "" {
		return ""
	}
	return " " + s.options.Flags
}
