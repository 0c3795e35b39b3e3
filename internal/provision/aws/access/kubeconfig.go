package access

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// credentialVersion is of the words between kubectl and a program that gives tokens.
const credentialVersion = "client.authentication.k8s.io/v1"

// Command is the hidden command of pocctl that gives tokens.
const Command = "eks-token"

// Kubeconfig describes the kubeconfig of a cluster.
type Kubeconfig struct {
	Cluster string // its name in EKS
	Region  string
	// Endpoint is the API server's URL, and Authority its certificate's, PEM in base64.
	Endpoint, Authority string
	// Program is this pocctl, absolute.
	Program string
	// Profile is the profile of AWS' settings that the tokens are signed by; empty
	// leaves it to the environment.
	Profile string
}

// Text gives the kubeconfig as JSON, which is YAML too. It holds no secret: whoever
// uses it needs AWS credentials.
func (k Kubeconfig) Text() ([]byte, error) {
	if _, err := base64.StdEncoding.DecodeString(k.Authority); err != nil {
		return nil, fmt.Errorf("read the certificate of the cluster %s: %w", k.Cluster, err)
	}
	call := map[string]any{
		"apiVersion": credentialVersion, "interactiveMode": "Never", "provideClusterInfo": false,
		"command": k.Program, "args": []string{Command, "--cluster", k.Cluster, "--region", k.Region},
	}
	if k.Profile != "" {
		call["env"] = []map[string]string{{"name": "AWS_PROFILE", "value": k.Profile}}
	}
	text, err := json.MarshalIndent(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": k.Cluster,
		"clusters": []any{map[string]any{"name": k.Cluster, "cluster": map[string]string{"server": k.Endpoint, "certificate-authority-data": k.Authority}}},
		"contexts": []any{map[string]any{"name": k.Cluster, "context": map[string]string{"cluster": k.Cluster, "user": k.Cluster}}},
		"users":    []any{map[string]any{"name": k.Cluster, "user": map[string]any{"exec": call}}},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the kubeconfig of the cluster %s: %w", k.Cluster, err)
	}
	return append(text, '\n'), nil
}

// Write keeps the kubeconfig at path, which its user alone may read, whole or not at all.
func (k Kubeconfig) Write(path string) error {
	text, err := k.Text()
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".kubeconfig-") // 0600
	if err == nil {
		_, err = file.Write(text)
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err == nil {
			err = os.Rename(file.Name(), path)
		}
		_ = os.Remove(file.Name()) // there only if it failed
	}
	if err != nil {
		return fmt.Errorf("write the kubeconfig of the cluster %s: %w", k.Cluster, err)
	}
	return nil
}
