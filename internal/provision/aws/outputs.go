package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pocctl/pocctl/internal/fault"
)

// Outputs are what the root module puts out that pocctl uses.
type Outputs struct {
	URL              string `json:"url"`
	ClusterName      string `json:"cluster_name"`
	ClusterEndpoint  string `json:"cluster_endpoint"`
	DatabaseEndpoint string `json:"database_endpoint"`
	RedisEndpoint    string `json:"redis_endpoint"`
}

// ReadOutputs asks Terraform for the outputs, and keeps them for Outputs.
func (e *Environment) ReadOutputs(ctx context.Context, progress Progress) (Outputs, error) {
	root, err := e.setUp(ctx, progress)
	if err != nil {
		return Outputs{}, err
	}
	if !root.remote {
		return Outputs{}, fault.New(fault.NotUp, "env", e.options.Name)
	}
	found, err := root.Outputs(ctx)
	if err != nil {
		return Outputs{}, err
	}
	whole := map[string]json.RawMessage{}
	for name, value := range found {
		whole[name] = value
	}
	text, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		return Outputs{}, fmt.Errorf("keep Terraform's outputs: %w", err)
	}
	if err := os.WriteFile(e.outputsFile(), text, 0o600); err != nil {
		return Outputs{}, fmt.Errorf("keep Terraform's outputs: %w", err)
	}
	return e.Outputs()
}

// Outputs gives what was last put out. Before that, the error is a fault.NotUp.
func (e *Environment) Outputs() (Outputs, error) {
	var outputs Outputs
	text, err := os.ReadFile(e.outputsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return outputs, fault.New(fault.NotUp, "env", e.options.Name)
	}
	if err == nil {
		err = json.Unmarshal(text, &outputs)
	}
	if err != nil {
		return outputs, fmt.Errorf("read Terraform's outputs: %w", err)
	}
	return outputs, nil
}

// AllOutputs gives all that was last put out, by name; nil before that.
func (e *Environment) AllOutputs() (map[string]any, error) {
	text, err := os.ReadFile(e.outputsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	all := map[string]any{}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read Terraform's outputs: %w", err)
	}
	return all, nil
}

func (e *Environment) outputsFile() string { return filepath.Join(e.work(), "outputs.json") }

// Kubeconfig is where the cluster's kubeconfig is, if there is one.
func (e *Environment) Kubeconfig() string { return filepath.Join(e.options.Directory, "kubeconfig") }
