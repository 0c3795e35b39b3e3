package stack

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/deploy/manifest"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
)

// definitionsStep applies the custom resource definitions that the charts use.
func (s *Stack) definitionsStep() flow.Step {
	return flow.Step{
		Name: Deploy + "/definitions",
		Describe: func() string {
			return "custom resource definitions of the Prometheus Operator and Argo Rollouts"
		},
		Check: s.defined,
		Run: func(ctx context.Context, log *flow.Log) error {
			objects, err := readDefinitions(s.options.Definitions, s.definitions())
			if err != nil {
				return err
			}
			client, err := s.Deployer()
			if err != nil {
				return err
			}
			log.Waiting("%d definitions to be established", len(objects))
			if err := manifest.Apply(ctx, objects, manifest.Options{Config: client.Config()}); err != nil {
				return err
			}
			s.forget() // what a client knows of the API's kinds is out of date
			log.Detail("%d definitions", len(objects))
			return nil
		},
		Budget:   5 * time.Second,
		Deadline: time.Minute,
	}
}

// defined says whether the cluster's definitions are those of this build. It does
// not parse them: they may be megabytes.
func (s *Stack) defined(ctx context.Context) (bool, error) {
	client, err := s.Deployer()
	if err != nil {
		return false, err
	}
	marked, err := manifest.Marked(ctx, client.Config())
	if err != nil {
		return false, err
	}
	names, err := fs.Glob(s.options.Definitions, s.definitions())
	if err != nil || len(names) == 0 {
		return false, err
	}
	for _, name := range names {
		data, err := fs.ReadFile(s.options.Definitions, name)
		if err != nil {
			return false, fmt.Errorf("read definitions: %w", err)
		}
		if !marked[manifest.Digest(data)] {
			return false, nil
		}
	}
	return true, nil
}

// definitions are the files of those in use. On the local environment they take a good
// part of the time that all take, so there the brief ones do.
func (s *Stack) definitions() string {
	if s.options.Environment.Kind == config.KindLocal {
		return "definitions/brief/*.json"
	}
	return "definitions/*.yaml"
}

// readDefinitions reads what the build holds. None means that it was built
// without make, and that charts would be refused later on.
func readDefinitions(files fs.FS, pattern string) ([]*unstructured.Unstructured, error) {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return nil, fmt.Errorf("find definitions: %w", err)
	}
	if len(names) == 0 {
		return nil, fault.New(fault.BuildIncomplete)
	}
	var objects []*unstructured.Unstructured
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read definitions: %w", err)
		}
		parsed, err := manifest.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		manifest.Mark(parsed, manifest.Digest(data))
		objects = append(objects, parsed...)
	}
	return objects, nil
}
