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

// ConnectCluster writes the kubeconfig of the cluster if EKS has it at work; program is
// the pocctl that gives tokens. Otherwise state says how the cluster is: "CREATING", or
// "missing".
func (e *Environment) ConnectCluster(ctx context.Context, program string) (state string, connected bool, err error) {
	opened, err := e.open(ctx)
	if err != nil {
		return "", false, err
	}
	found, err := eks.NewFromConfig(opened.settings).DescribeCluster(ctx, &eks.DescribeClusterInput{Name: sdk.String(e.cluster())})
	var missing *types.ResourceNotFoundException
	switch {
	case errors.As(err, &missing):
		return "missing", false, nil
	case err != nil:
		return "", false, account.Explain("look at the cluster "+e.cluster(), err)
	}
	described := found.Cluster
	state = string(described.Status)
	if described.Status != types.ClusterStatusActive && described.Status != types.ClusterStatusUpdating || described.CertificateAuthority == nil {
		return state, false, nil
	}
	if err := os.MkdirAll(e.options.Directory, 0o700); err != nil {
		return state, false, fmt.Errorf("make the state directory: %w", err)
	}
	return state, true, access.Kubeconfig{
		Cluster: e.cluster(), Region: e.options.Region, Endpoint: sdk.ToString(described.Endpoint),
		Authority: sdk.ToString(described.CertificateAuthority.Data), Program: program, Profile: os.Getenv("AWS_PROFILE"),
	}.Write(e.Kubeconfig())
}

// Cluster is the cluster's name.
func (e *Environment) Cluster() string { return e.cluster() }
