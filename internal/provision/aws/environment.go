// Package aws provisions environments in AWS with Terraform: it says beforehand what
// would be made, what that costs and how long it takes, and afterwards what is left.
package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/aws/account"
	"github.com/pocctl/pocctl/internal/provision/aws/backend"
	"github.com/pocctl/pocctl/internal/provision/aws/forecast"
	"github.com/pocctl/pocctl/internal/provision/aws/graph"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/internal/provision/aws/preflight"
	"github.com/pocctl/pocctl/internal/provision/aws/terraform"
)

// Options describe an environment in AWS.
type Options struct {
	// Name is the environment's name, and its workspace's.
	Name string
	// Account is the id of the only account that is touched.
	Account string
	Region  string
	// Domain is what people use.
	Domain string
	// Root is the folder of Modules' roots.
	Root string
	// Bucket holds Terraform's state.
	Bucket string
	// Protected data outlives mistakes.
	Protected bool
	// Variables are the root module's, beside those that follow from the above.
	Variables map[string]any
	// Modules holds the modules, with one root for each kind of environment under roots.
	Modules fs.FS
	// Directory is the environment's state directory, absolute.
	Directory string
	// Again is how long to wait before an apply is begun again that met errors which go
	// away by themselves, each time longer; nil means three times, a minute at last.
	Again []time.Duration
	// Requests are how many the environment's load sends from one address in five minutes
	// at most: the firewall has to let them through.
	Requests int
	// Resolver asks the internet for name servers; nil means the machine's own.
	Resolver preflight.Resolver
}

// Patience is how long Terraform may take to end after it has been interrupted: it
// finishes what it is at.
const Patience = 30 * time.Minute

// Progress is told what is being waited for, and what is worth a line.
type Progress interface {
	Waiting(format string, args ...any)
	Info(format string, args ...any)
}

// Environment is an environment in AWS, made or not.
type Environment struct {
	options Options

	mu      sync.Mutex
	session *session // nil until AWS has been asked who we are
	binary  *terraform.Binary
	root    *root   // nil until it has been set up
	planned *looked // nil if there is no plan that may be applied
}

// root is the root module, set up with its backend.
type root struct {
	*terraform.Root
	remote bool // the state is in its bucket; else it is taken as empty
}

// looked is a plan that was made to look at, and may be applied as long as the state
// is the same.
type looked struct {
	file  string
	plan  plan.Plan
	order graph.Graph
}

// session is AWS, opened and known to be the right account.
type session struct {
	settings sdk.Config
	identity account.Identity
}

// New gives the environment that options describe. Nothing is touched.
func New(options Options) *Environment {
	if options.Resolver == nil {
		options.Resolver = net.DefaultResolver
	}
	if options.Again == nil {
		options.Again = usualAgain()
	}
	return &Environment{options: options}
}

// Confirm makes sure that the credentials are of the environment's account.
func (e *Environment) Confirm(ctx context.Context) (account.Identity, error) {
	opened, err := e.open(ctx)
	if err != nil {
		return account.Identity{}, err
	}
	return opened.identity, nil
}

func (e *Environment) open(ctx context.Context) (*session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.session != nil {
		return e.session, nil
	}
	settings, err := account.Open(ctx, e.options.Region)
	if err != nil {
		return nil, err
	}
	identity, err := account.Confirm(ctx, sts.NewFromConfig(settings), e.options.Name, e.options.Account)
	if err != nil {
		return nil, err
	}
	e.session = &session{settings, identity}
	return e.session, nil
}

// Terraform finds Terraform, or fetches it.
func (e *Environment) Terraform(ctx context.Context) (terraform.Binary, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.binary != nil {
		return *e.binary, nil
	}
	found, err := terraform.Find(ctx, terraform.FindOptions{Directory: filepath.Join(e.work(), "bin"), Fetch: true})
	if err != nil {
		return terraform.Binary{}, err
	}
	e.binary = &found
	return found, nil
}

// Bootstrap makes the bucket of Terraform's state unless it is there. made says that
// it was not.
func (e *Environment) Bootstrap(ctx context.Context) (made bool, err error) {
	opened, err := e.open(ctx)
	if err != nil {
		return false, err
	}
	made, err = e.bucket().Ensure(ctx, s3.NewFromConfig(opened.settings))
	if made {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.root, e.planned = nil, nil // they are without it
	}
	return made, err
}

func (e *Environment) bucket() backend.Bucket {
	return backend.Bucket{Name: e.options.Bucket, Region: e.options.Region, Account: e.options.Account}
}

// Bucket is the name of the bucket of Terraform's state.
func (e *Environment) Bucket() string { return e.options.Bucket }

// work is the folder that Terraform works in.
func (e *Environment) work() string { return filepath.Join(e.options.Directory, "terraform") }

// Remove deletes what is kept on this machine.
func (e *Environment) Remove() error {
	for _, path := range []string{e.work(), e.Kubeconfig()} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove what is kept of environment %s: %w", e.options.Name, err)
		}
	}
	return nil
}

// setUp writes the modules and initialises the root module, once. Without the bucket,
// the state is taken as empty, on this machine: that does to look at a plan.
func (e *Environment) setUp(ctx context.Context, progress Progress) (*root, error) {
	e.mu.Lock()
	there := e.root
	e.mu.Unlock()
	if there != nil {
		return there, nil
	}
	opened, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	binary, err := e.Terraform(ctx)
	if err != nil {
		return nil, err
	}
	remote, err := e.bucket().Exists(ctx, s3.NewFromConfig(opened.settings))
	if err != nil {
		return nil, err
	}
	directory, variables, err := e.write(remote)
	if err != nil {
		return nil, err
	}
	data := "remote"
	if !remote {
		data = "none"
	}
	made, err := terraform.Open(terraform.Options{
		Binary: binary, Environment: e.options.Name, Directory: directory, Data: filepath.Join(e.work(), data),
		VarFiles: []string{variables}, Parallel: forecast.Parallel, Patience: Patience,
	})
	if err != nil {
		return nil, err
	}
	progress.Waiting("terraform init")
	if err := made.Init(ctx); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.root = &root{made, remote}
	return e.root, nil
}

// write writes the modules, with the root module's backend and variables.
func (e *Environment) write(remote bool) (directory, variables string, err error) {
	modules := filepath.Join(e.work(), "modules")
	if err := terraform.Write(modules, e.options.Modules); err != nil {
		return "", "", err
	}
	directory, variables = filepath.Join(modules, "roots", e.options.Root), filepath.Join(e.work(), "variables.json")
	if _, err := os.Stat(directory); err != nil {
		return "", "", fault.New(fault.RootUnknown, "env", e.options.Name, "root", e.options.Root)
	}
	for path, content := range map[string]any{
		filepath.Join(directory, "backend_override.tf.json"): e.backendSettings(remote),
		variables: e.variables(),
	} {
		text, err := json.MarshalIndent(content, "", "  ")
		if err != nil {
			return "", "", fmt.Errorf("write %s: %w", filepath.Base(path), err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return "", "", fmt.Errorf("write %s: %w", filepath.Base(path), err)
		}
	}
	return directory, variables, nil
}

// backendSettings overrides the root module's backend.
func (e *Environment) backendSettings(remote bool) map[string]any {
	settings := map[string]any{"local": map[string]any{"path": filepath.Join(e.work(), "none", "empty.tfstate"), "workspace_dir": filepath.Join(e.work(), "none", "workspaces")}}
	if remote {
		settings = map[string]any{"s3": map[string]any{
			"bucket": e.options.Bucket, "key": "pocctl.tfstate", "region": e.options.Region,
			"use_lockfile": true, "encrypt": true, "allowed_account_ids": []string{e.options.Account},
		}}
	}
	return map[string]any{"terraform": map[string]any{"backend": settings}}
}

func (e *Environment) variables() map[string]any {
	variables := maps.Clone(e.options.Variables)
	if variables == nil {
		variables = map[string]any{}
	}
	variables["environment"] = e.options.Name
	variables["account_id"] = e.options.Account
	variables["region"] = e.options.Region
	variables["domain"] = e.options.Domain
	variables["protected"] = e.options.Protected
	return variables
}
