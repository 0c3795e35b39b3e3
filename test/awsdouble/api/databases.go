package api

import (
	"net/http"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// databases is RDS, and as much of ElastiCache as is asked for.
func databases() map[string]operation {
	return map[string]operation{
		"rds:DescribeDBInstances":               describeDatabases,
		"rds:DescribeDBEngineVersions":          engineVersions,
		"elasticache:DescribeReplicationGroups": replicationGroups,
	}
}

func describeDatabases(c *call) (any, error) {
	all, err := c.list("aws_db_instance")
	if err != nil {
		return nil, err
	}
	asked := c.form.Get("DBInstanceIdentifier")
	found := []any{}
	for _, database := range all {
		if asked != "" && asked != database.Text("identifier") {
			continue
		}
		found = append(found, map[string]any{
			"DBInstanceIdentifier": database.Text("identifier"), "DBInstanceArn": database.Text("arn"), "DBInstanceStatus": "available",
			"DBInstanceClass": database.Text("instance_class"), "Engine": database.Text("engine"), "EngineVersion": database.Text("engine_version"),
			"MultiAZ": database.Text("multi_az") == "true", "DeletionProtection": database.Text("deletion_protection") == "true",
			"Endpoint": map[string]any{"Address": database.Text("address"), "Port": database.Text("port")},
			"TagList":  list{"Tag", pairs(database)},
		})
	}
	if asked != "" && len(found) == 0 {
		return nil, &failure{status: http.StatusNotFound, code: "DBInstanceNotFound", message: "DBInstance " + asked + " not found."}
	}
	return map[string]any{"DBInstances": list{"DBInstance", found}}, nil
}

// engineVersions are Postgres' that RDS has.
func engineVersions(c *call) (any, error) {
	asked := c.form.Get("EngineVersion")
	found := []any{}
	for _, version := range []string{"15.8", "16.4", "17.2"} {
		if asked == "" || asked == version || asked == version[:2] {
			found = append(found, map[string]any{"Engine": "postgres", "EngineVersion": version, "DBParameterGroupFamily": "postgres" + version[:2], "Status": "available"})
		}
	}
	return map[string]any{"DBEngineVersions": list{"DBEngineVersion", found}}, nil
}

func replicationGroups(c *call) (any, error) {
	all, err := c.list("aws_elasticache_replication_group")
	found := []any{}
	for _, group := range all {
		found = append(found, map[string]any{"ReplicationGroupId": group.ID, "Status": "available", "ARN": group.Text("arn")})
	}
	return map[string]any{"ReplicationGroups": list{"ReplicationGroup", found}}, err
}

// pairs are a resource's tags as XML has them.
func pairs(resource cloud.Resource) []any {
	tags := []any{}
	for _, key := range sorted(resource.Tags()) {
		tags = append(tags, map[string]any{"Key": key, "Value": resource.Tags()[key]})
	}
	return tags
}
