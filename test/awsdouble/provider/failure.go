package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// failure is an error as the real provider words it, the SDK's in it:
//
//	creating EC2 VPC: operation error EC2: CreateVpc, https response error
//	StatusCode: 400, RequestID: …, api error VpcLimitExceeded: The maximum …
func (s *Server) failure(doing, kind string, fault cloud.Fault) *tfprotov5.Diagnostic {
	status := fault.Status
	if status == 0 {
		status = 400
	}
	return &tfprotov5.Diagnostic{
		Severity: tfprotov5.DiagnosticSeverityError,
		Summary: fmt.Sprintf("%s %s: operation error %s, https response error StatusCode: %d, RequestID: %s, api error %s: %s",
			doing, title(kind), s.operation(doing, kind), status, requestID(), fault.Code, fault.Message),
	}
}

// operation is the API's: "EC2: CreateVpc".
func (s *Server) operation(doing, kind string) string {
	action := map[string]string{"updating": "Modify", "deleting": "Delete", "reading": "Describe", "planning": "Describe", "waiting for": "Describe"}[doing]
	if action == "" {
		action = "Create"
	}
	service, thing := service(kind), pascal(noun(kind))
	if api, name, named := strings.Cut(s.behaviours[kind].API, " "); named {
		service, thing = api, name
	}
	return service + ": " + action + thing
}

// denied is the fault of an action that the caller may not do.
func (s *Server) denied(work change) *cloud.Fault {
	if len(work.control.Denied) == 0 {
		return nil
	}
	service, operation, _ := strings.Cut(s.operation(verb(work.operation), work.kind), ": ")
	action := strings.ToLower(strings.ReplaceAll(service, " ", "")) + ":" + operation
	if !slices.Contains(work.control.Denied, action) {
		return nil
	}
	code := "AccessDeniedException"
	if service == "EC2" {
		code = "UnauthorizedOperation"
	}
	return &cloud.Fault{Status: 403, Code: code, Message: fmt.Sprintf(
		"User: arn:aws:iam::%s:%s is not authorized to perform: %s because no identity-based policy allows the %s action",
		work.control.Account, work.control.User, action, action)}
}

func verb(operation string) string {
	return map[string]string{"create": "creating", "update": "updating", "delete": "deleting"}[operation]
}

// services are the API's names of what a type begins with; EC2 has many.
func service(kind string) string {
	short := strings.TrimPrefix(kind, "aws_")
	first, _, _ := strings.Cut(short, "_")
	names := map[string]string{
		"eks": "EKS", "rds": "RDS", "db": "RDS", "elasticache": "ElastiCache", "iam": "IAM", "s3": "S3", "kms": "KMS",
		"lb": "Elastic Load Balancing v2", "alb": "Elastic Load Balancing v2", "route53": "Route 53", "acm": "ACM",
		"cloudfront": "CloudFront", "wafv2": "WAFV2", "ecr": "ECR", "cloudwatch": "CloudWatch", "cloudtrail": "CloudTrail",
		"guardduty": "GuardDuty", "budgets": "Budgets", "secretsmanager": "Secrets Manager", "scheduler": "Scheduler",
		"lambda": "Lambda", "sns": "SNS", "sqs": "SQS", "autoscaling": "Auto Scaling", "ssm": "SSM",
	}
	if strings.HasPrefix(short, "cloudwatch_log") {
		return "CloudWatch Logs"
	}
	if name, ok := names[first]; ok {
		return name
	}
	return "EC2"
}

// noun is a type without its service: "vpc", "cluster".
func noun(kind string) string {
	short := strings.TrimPrefix(kind, "aws_")
	if first, rest, more := strings.Cut(short, "_"); more && service(kind) != "EC2" && first != "db" {
		return rest
	}
	return short
}

// title is a type as people write it: "EC2 Vpc", "EKS Cluster".
func title(kind string) string {
	words := strings.Split(noun(kind), "_")
	for i, word := range words {
		words[i] = pascal(word)
	}
	return service(kind) + " " + strings.Join(words, " ")
}

func plural(kind string) string { return strings.ReplaceAll(noun(kind), "_", " ") + "s" }

func pascal(snake string) string {
	var text strings.Builder
	for word := range strings.SplitSeq(snake, "_") {
		if word != "" {
			text.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return text.String()
}
