package terraform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"
	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/pocctl/pocctl/internal/fault"
)

const (
	// Wanted is the range of versions that the modules work with: S3 locks by itself
	// from 1.10 on.
	Wanted = ">= 1.10.0, < 2.0.0"
	// fetched is the version that is installed where there is none.
	fetched = "1.11.4"
	// fetchTimeout ends a download.
	fetchTimeout = 5 * time.Minute
)

// Binary is a terraform that can be used.
type Binary struct {
	Path    string
	Version string // 1.11.4
}

// FindOptions say where to look.
type FindOptions struct {
	// Directory keeps a terraform that was fetched; absolute.
	Directory string
	// Fetch allows one to be downloaded, by HashiCorp's own installer, which checks
	// its signature.
	Fetch bool
	// ReleasesURL is where from; empty means HashiCorp's releases.
	ReleasesURL string
	// LookPath finds a program; nil means exec.LookPath.
	LookPath func(string) (string, error)
}

// Find gives the terraform on PATH, the one that was fetched before, or fetches one.
// Errors are fault.TerraformMissing and fault.TerraformOld.
func Find(ctx context.Context, options FindOptions) (Binary, error) {
	if options.LookPath == nil {
		options.LookPath = exec.LookPath
	}
	wanted, err := version.NewConstraint(Wanted)
	if err != nil {
		return Binary{}, fmt.Errorf("read the wanted version: %w", err)
	}
	var old Binary
	own := filepath.Join(options.Directory, "terraform")
	for _, find := range []func() (string, error){
		func() (string, error) { return options.LookPath("terraform") },
		func() (string, error) { _, err := os.Stat(own); return own, err },
	} {
		path, err := find()
		if err != nil {
			continue
		}
		found, err := examine(ctx, path)
		if err != nil {
			return Binary{}, err
		}
		if wanted.Check(version.Must(version.NewVersion(found.Version))) {
			return found, nil
		}
		if old.Path == "" {
			old = found
		}
	}
	found, err := fetch(ctx, options)
	switch {
	case err == nil:
		return found, nil
	case ctx.Err() != nil:
		return Binary{}, context.Cause(ctx)
	case old.Path != "":
		return Binary{}, fault.New(fault.TerraformOld, "path", old.Path, "version", old.Version, "wanted", Wanted, "detail", err)
	default:
		return Binary{}, fault.New(fault.TerraformMissing, "wanted", Wanted, "detail", err)
	}
}

// examine asks the program at path for its version.
func examine(ctx context.Context, path string) (Binary, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Binary{}, fmt.Errorf("find terraform: %w", err)
	}
	runner, err := tfexec.NewTerraform(filepath.Dir(path), path)
	if err != nil {
		return Binary{}, fmt.Errorf("ask %s for its version: %w", path, err)
	}
	found, _, err := runner.Version(ctx, true)
	if err != nil {
		return Binary{}, fault.New(fault.TerraformFailed, "command", "version", "detail", oneLine(err.Error()),
			"fix", "look whether "+path+" is Terraform, or put another first on PATH").Because(err)
	}
	return Binary{Path: path, Version: found.String()}, nil
}

func fetch(ctx context.Context, options FindOptions) (Binary, error) {
	if !options.Fetch {
		return Binary{}, errors.New("fetching was not asked for")
	}
	if err := os.MkdirAll(options.Directory, 0o700); err != nil {
		return Binary{}, fmt.Errorf("make the directory for terraform: %w", err)
	}
	source := &releases.ExactVersion{
		Product: product.Terraform, Version: version.Must(version.NewVersion(fetched)),
		InstallDir: options.Directory, Timeout: fetchTimeout, ApiBaseURL: options.ReleasesURL,
	}
	path, err := source.Install(ctx)
	if err != nil {
		return Binary{}, fmt.Errorf("fetch terraform %s: %s", fetched, oneLine(err.Error()))
	}
	return Binary{Path: path, Version: fetched}, nil
}
