package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// clusters is EKS: clusters and their node groups.
func clusters() map[string]operation {
	return map[string]operation{
		"eks:ListClusters": func(c *call) (any, error) {
			all, err := c.list("aws_eks_cluster")
			names := []any{}
			for _, cluster := range all {
				names = append(names, cluster.Text("name"))
			}
			return map[string]any{"clusters": names}, err
		},
		"eks:DescribeCluster":         describeCluster,
		"eks:DescribeClusterVersions": clusterVersions,
	}
}

// clusterAction is what a path asks for: /clusters, /clusters/NAME,
// /cluster-versions.
func clusterAction(request *http.Request) string {
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	switch {
	case parts[0] == "cluster-versions":
		return "DescribeClusterVersions"
	case parts[0] == "clusters" && len(parts) == 1 && request.Method == http.MethodGet:
		return "ListClusters"
	case parts[0] == "clusters" && len(parts) == 2 && request.Method == http.MethodGet:
		return "DescribeCluster"
	}
	return request.Method + " " + request.URL.Path
}

func describeCluster(c *call) (any, error) {
	name := strings.TrimPrefix(c.URL.Path, "/clusters/")
	cluster, there, err := c.account.Get("aws_eks_cluster", name)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, &failure{status: http.StatusNotFound, code: "ResourceNotFoundException", message: "No cluster found for name: " + name + "."}
	}
	fields := map[string]any{
		"name": name, "arn": cluster.Text("arn"), "endpoint": cluster.Text("endpoint"), "version": cluster.Text("version"),
		"roleArn": cluster.Text("role_arn"), "status": cluster.Text("status"), "platformVersion": cluster.Text("platform_version"),
		"tags":      cluster.Tags(),
		"createdAt": float64(cluster.Made.Unix()),
	}
	if time.Now().Before(cluster.Ready) { // Terraform is still waiting for it
		fields["status"] = "CREATING"
		delete(fields, "endpoint")
		return map[string]any{"cluster": fields}, nil
	}
	if authority := inner(cluster, "certificate_authority"); authority != nil {
		fields["certificateAuthority"] = map[string]any{"data": authority["data"]}
	}
	if network := inner(cluster, "vpc_config"); network != nil {
		fields["resourcesVpcConfig"] = map[string]any{
			"subnetIds": network["subnet_ids"], "vpcId": network["vpc_id"], "clusterSecurityGroupId": network["cluster_security_group_id"],
			"endpointPrivateAccess": network["endpoint_private_access"], "endpointPublicAccess": network["endpoint_public_access"],
		}
	}
	if identity := inner(cluster, "identity"); identity != nil {
		if oidc, _ := identity["oidc"].([]any); len(oidc) > 0 {
			fields["identity"] = map[string]any{"oidc": map[string]any{"issuer": object(oidc[0])["issuer"]}}
		}
	}
	return map[string]any{"cluster": fields}, nil
}

// inner is the only element of a resource's list.
func inner(resource cloud.Resource, name string) map[string]any {
	elements, _ := resource.Attributes[name].([]any)
	if len(elements) == 0 {
		return nil
	}
	return object(elements[0])
}

// clusterVersions are those that EKS supports in the standard way, and one that
// it does for more money.
func clusterVersions(*call) (any, error) {
	versions := []any{}
	for version, status := range map[string]string{"1.35": "STANDARD_SUPPORT", "1.34": "STANDARD_SUPPORT", "1.33": "STANDARD_SUPPORT", "1.32": "STANDARD_SUPPORT", "1.30": "EXTENDED_SUPPORT"} {
		versions = append(versions, map[string]any{"clusterVersion": version, "versionStatus": status, "status": strings.ToLower(status), "defaultVersion": version == "1.33"})
	}
	return map[string]any{"clusterVersions": versions}, nil
}
