package aws

import (
	"context"
	"errors"
	"fmt"
	"os"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/pocctl/pocctl/internal/provision/aws/access"
	"github.com/pocctl/pocctl/internal/provision/aws/account"
)

// Cluster is what EKS tells of the cluster.
type Cluster struct {
	Name  string
	State string // EKS' own word, "CREATING", or "missing"
	// Connected says that it is at work, and its kubeconfig is written.
	Connected bool
	// Private says that its API server answers in its own network alone.
	Private bool
}

// ConnectCluster writes the kubeconfig of the cluster if EKS has it at work; program is
// the pocctl that gives tokens.
func (e *Environment) ConnectCluster(ctx context.Context, program string) (Cluster, error) {
	told := Cluster{Name: e.cluster(), State: "missing"}
	opened, err := e.open(ctx)
	if err != nil {
		return told, err
	}
	found, err := eks.NewFromConfig(opened.settings).DescribeCluster(ctx, &eks.DescribeClusterInput{Name: sdk.String(e.cluster())})
	var missing *types.ResourceNotFoundException
	switch {
	case errors.As(err, &missing):
		return told, nil
	case err != nil:
		return told, account.Explain("look at the cluster "+e.cluster(), err)
	}
	described := found.Cluster
	told.State = string(described.Status)
	told.Private = described.ResourcesVpcConfig != nil && !described.ResourcesVpcConfig.EndpointPublicAccess
	if described.Status != types.ClusterStatusActive && described.Status != types.ClusterStatusUpdating || described.CertificateAuthority == nil {
		return told, nil
	}
	if err := os.MkdirAll(e.options.Directory, 0o700); err != nil {
		return told, fmt.Errorf("make the state directory: %w", err)
	}
	err = access.Kubeconfig{
		Cluster: e.cluster(), Region: e.options.Region, Endpoint: sdk.ToString(described.Endpoint),
		Authority: sdk.ToString(described.CertificateAuthority.Data), Program: program, Profile: os.Getenv("AWS_PROFILE"),
	}.Write(e.Kubeconfig())
	told.Connected = err == nil
	return told, err
}

// ClusterName is the cluster's name.
func (e *Environment) ClusterName() string { return e.cluster() }
