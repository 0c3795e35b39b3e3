// Package terraform finds Terraform and runs it: its stream becomes events, and its
// errors faults.
package terraform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/hashicorp/terraform-exec/tfexec"
)

// Options of a Root.
type Options struct {
	Binary Binary
	// Environment is the name of the environment, which is the workspace's too.
	Environment string
	// Directory is the root module's folder, absolute.
	Directory string
	// Data is where Terraform keeps providers and its backend's settings; absolute.
	Data string
	// VarFiles hold values of variables; absolute.
	VarFiles []string
	// Parallel is how many resources Terraform works on at once.
	Parallel int
	// Patience is how long Terraform may take to end after it has been interrupted;
	// then it is killed.
	Patience time.Duration
}

// Root is a root module that Terraform can be run on. One command at a time, but for
// Graph, which may go on beside another.
type Root struct {
	options Options
	runner  *tfexec.Terraform
	// aside is Graph's: a runner keeps the streams of its command.
	aside *tfexec.Terraform
}

// Open makes a Root. Nothing is run.
func Open(options Options) (*Root, error) {
	if err := os.MkdirAll(cache(options.Data), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of providers: %w", err)
	}
	runner, err := newRunner(options)
	if err != nil {
		return nil, err
	}
	aside, err := newRunner(options)
	if err != nil {
		return nil, err
	}
	return &Root{options: options, runner: runner, aside: aside}, nil
}

func newRunner(options Options) (*tfexec.Terraform, error) {
	runner, err := tfexec.NewTerraform(options.Directory, options.Binary.Path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", options.Directory, err)
	}
	if err := runner.SetEnv(environment(options.Data)); err != nil {
		return nil, fmt.Errorf("open %s: %w", options.Directory, err)
	}
	if err := runner.SetWaitDelay(options.Patience); err != nil {
		return nil, fmt.Errorf("open %s: %w", options.Directory, err)
	}
	return runner, nil
}

// cache is where providers are kept that were fetched once, beside data: they are
// large.
func cache(data string) string { return filepath.Join(filepath.Dir(data), "providers") }

// environment is this process's own, without the variables that terraform-exec keeps
// to itself.
func environment(data string) map[string]string {
	variables := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		variables[name] = value
	}
	variables["TF_DATA_DIR"] = data
	if variables["TF_PLUGIN_CACHE_DIR"] == "" {
		variables["TF_PLUGIN_CACHE_DIR"] = cache(data)
	}
	variables["CHECKPOINT_DISABLE"] = "1"
	return tfexec.CleanEnv(variables)
}

// Init fetches providers, sets the backend up and selects the environment's
// workspace, which is made if need be.
func (r *Root) Init(ctx context.Context) error {
	said := &stream{}
	if err := r.ended(ctx, "init", said, r.runner.InitJSON(ctx, said, tfexec.Reconfigure(true), tfexec.Upgrade(false))); err != nil {
		return err
	}
	names, current, err := r.runner.WorkspaceList(ctx)
	switch {
	case err != nil:
		return r.ended(ctx, "workspace list", &stream{}, err)
	case current == r.options.Environment:
		return nil
	case slices.Contains(names, r.options.Environment):
		return r.ended(ctx, "workspace select", &stream{}, r.runner.WorkspaceSelect(ctx, r.options.Environment))
	default:
		return r.ended(ctx, "workspace new", &stream{}, r.runner.WorkspaceNew(ctx, r.options.Environment))
	}
}

// PlanOptions say what to plan.
type PlanOptions struct {
	// Destroy plans that everything goes.
	Destroy bool
	// RefreshOnly plans nothing, and looks what has changed outside.
	RefreshOnly bool
	// NoLock does not lock the state: for plans that are only looked at.
	NoLock bool
	// Each is told of every event; may be nil.
	Each func(Event)
}

// Plan plans into file, which Apply and Show take.
func (r *Root) Plan(ctx context.Context, file string, options PlanOptions) error {
	arguments := []tfexec.PlanOption{tfexec.Out(file), tfexec.Parallelism(r.options.Parallel), tfexec.Lock(!options.NoLock)}
	for _, name := range r.options.VarFiles {
		arguments = append(arguments, tfexec.VarFile(name))
	}
	if options.Destroy {
		arguments = append(arguments, tfexec.Destroy(true))
	}
	if options.RefreshOnly {
		arguments = append(arguments, tfexec.RefreshOnly(true))
	}
	said := &stream{each: options.Each}
	_, err := r.runner.PlanJSON(ctx, said, arguments...)
	return r.ended(ctx, "plan", said, err)
}

// Show reads a plan.
func (r *Root) Show(ctx context.Context, file string) (*tfjson.Plan, error) {
	shown, err := r.runner.ShowPlanFile(ctx, file)
	return shown, r.ended(ctx, "show", &stream{}, err)
}

// Graph gives the order of the configuration's resources in the DOT language.
func (r *Root) Graph(ctx context.Context) (string, error) {
	dot, err := r.aside.Graph(ctx)
	return dot, r.ended(ctx, "graph", &stream{}, err)
}

// Apply does what the plan in file says, be it to make or to destroy. When ctx ends,
// Terraform is interrupted once: it finishes what it is at, keeps the state, and the
// error is ctx's. When pocctl is killed, Terraform goes on; see Await.
func (r *Root) Apply(ctx context.Context, file string, each func(Event)) error {
	said := &stream{each: each}
	return r.ended(ctx, "apply", said, r.applying(ctx, file, said))
}

// Outputs gives the root module's outputs, as JSON.
func (r *Root) Outputs(ctx context.Context) (map[string][]byte, error) {
	found, err := r.runner.Output(ctx)
	if err := r.ended(ctx, "output", &stream{}, err); err != nil {
		return nil, err
	}
	outputs := make(map[string][]byte, len(found))
	for name, output := range found {
		outputs[name] = output.Value
	}
	return outputs, nil
}

// Addresses lists the resources in the state, in order; none where there is no state.
func (r *Root) Addresses(ctx context.Context) ([]string, error) {
	state, err := r.runner.Show(ctx)
	if err := r.ended(ctx, "show", &stream{}, err); err != nil {
		return nil, err
	}
	var addresses []string
	if state.Values == nil {
		return nil, nil
	}
	var walk func(*tfjson.StateModule)
	walk = func(module *tfjson.StateModule) {
		if module == nil {
			return
		}
		for _, resource := range module.Resources {
			if resource.Mode == tfjson.ManagedResourceMode {
				addresses = append(addresses, resource.Address)
			}
		}
		for _, child := range module.ChildModules {
			walk(child)
		}
	}
	walk(state.Values.RootModule)
	slices.Sort(addresses)
	return addresses, nil
}

// ended makes the error of a command that ended with err.
func (r *Root) ended(ctx context.Context, command string, said *stream, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Canceled, err)
	}
	words := said.other.String()
	if len(said.diagnostics) == 0 {
		words += "\n" + err.Error()
	}
	return (&Failure{Command: command, Diagnostics: said.diagnostics, Said: words, cause: err}).fault(r.options.Environment, r.options.Directory)
}

// lockName is the file in which Terraform keeps the providers' checksums.
const lockName = ".terraform.lock.hcl"

// Write makes directory as files have it, without what is hidden there. What was in it
// goes, but for the checksums of providers.
func Write(directory string, files fs.FS) error {
	locks, err := checksums(directory)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(directory); err != nil {
		return fmt.Errorf("write modules: %w", err)
	}
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch target := filepath.Join(directory, filepath.FromSlash(name)); {
		case err != nil:
			return err
		case strings.HasPrefix(entry.Name(), ".") && name != "." && entry.IsDir():
			return fs.SkipDir
		case strings.HasPrefix(entry.Name(), ".") && name != ".":
			return nil
		case entry.IsDir():
			return os.MkdirAll(target, 0o700)
		default:
			data, err := fs.ReadFile(files, name)
			if err != nil {
				return err
			}
			return os.WriteFile(target, data, 0o600)
		}
	})
	if err != nil {
		return fmt.Errorf("write modules: %w", err)
	}
	for name, data := range locks {
		if _, err := os.Stat(filepath.Dir(name)); err != nil {
			continue // a module that is no more
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			return fmt.Errorf("write the providers' checksums: %w", err)
		}
	}
	return nil
}

// checksums reads the files of providers' checksums in directory, which need not be
// there.
func checksums(directory string) (map[string][]byte, error) {
	var names []string
	err := filepath.WalkDir(directory, func(name string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Base(name) == lockName {
			names = append(names, name)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for providers' checksums: %w", err)
	}
	locks := map[string][]byte{}
	for _, name := range names {
		if locks[name], err = os.ReadFile(name); err != nil {
			return nil, fmt.Errorf("read providers' checksums: %w", err)
		}
	}
	return locks, nil
}
