package preflight

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

// VersionsAPI is what Version asks.
type VersionsAPI interface {
	DescribeClusterVersions(context.Context, *eks.DescribeClusterVersionsInput, ...func(*eks.Options)) (*eks.DescribeClusterVersionsOutput, error)
}

// ClusterVersion is the Kubernetes version that a plan's cluster will have: "1.35";
// empty where there is no cluster, or it takes AWS' own default.
func ClusterVersion(p plan.Plan) string {
	for _, resource := range p.Resources {
		if version, is := resource.After["version"].(string); is && resource.Type == "aws_eks_cluster" {
			return version
		}
	}
	return ""
}

// Version looks whether EKS supports version. Extended support is no obstacle, but AWS
// charges six times as much for it.
func Version(ctx context.Context, api VersionsAPI, version string) Check {
	const name = "Kubernetes version"
	known := []string{}
	for pages := eks.NewDescribeClusterVersionsPaginator(api, &eks.DescribeClusterVersionsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return unknown(name, "EKS does not say what it supports: %s", short(err))
		}
		for _, one := range page.ClusterVersions {
			if one.VersionStatus == types.VersionStatusStandardSupport {
				known = append(known, aws.ToString(one.ClusterVersion))
			}
			if aws.ToString(one.ClusterVersion) != version {
				continue
			}
			switch one.VersionStatus {
			case types.VersionStatusStandardSupport:
				return good(name, "%s is supported%s", version, until(one.EndOfStandardSupportDate))
			case types.VersionStatusExtendedSupport:
				return unknown(name, "%s is in extended support%s, for which AWS charges six times as much", version, until(one.EndOfExtendedSupportDate))
			}
		}
	}
	slices.SortFunc(known, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	return bad(name, fault.New(fault.VersionUnsupported, "version", version, "known", strings.Join(known, ", ")))
}

func until(date *time.Time) string {
	if date == nil {
		return ""
	}
	return " until " + date.Format(time.DateOnly)
}
