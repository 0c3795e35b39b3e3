package config

import (
	"net"
	"regexp"
	"slices"
	"strconv"
)

// complete fills in what follows from other keys.
func (a *AWS) complete(environment string) {
	if a.Root == "" {
		a.Root = environment
	}
	if a.StateBucket == "" {
		a.StateBucket = "pocctl-state-" + a.Account + "-" + a.Region
	}
}

// Shapes of names in AWS.
var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)
)

// OwnVariables are variables of the root module that follow from other keys, and
// cannot be given.
func OwnVariables() []string {
	return []string{"environment", "account_id", "region", "domain", "protected"}
}

// hostPort tells whether text is an address with a port.
func hostPort(text string) bool {
	host, port, err := net.SplitHostPort(text)
	number, wrong := strconv.Atoi(port)
	return err == nil && wrong == nil && host != "" && number > 0 && number <= 65535
}

func (e *Environment) validateAWS(d *document) error {
	if e.Kind != KindAWS {
		if e.AWS != nil {
			return d.invalid("aws", "remove it, or set kind: aws", "is for kind aws; this environment is of kind %s", e.Kind)
		}
		return nil
	}
	a := e.AWS
	if a == nil {
		return d.invalid("aws", "add aws: {account: \"123456789012\", region: eu-west-1, domain: staging.example.com}", "is missing")
	}
	switch {
	case !accountID.MatchString(a.Account):
		return d.invalid("aws.account", "write the account's id, twelve digits in quotes; `aws sts get-caller-identity` shows it", "is %q, which is no account", a.Account)
	case !regionName.MatchString(a.Region):
		return d.invalid("aws.region", "write a region, for example eu-west-1", "is %q, which is no region", a.Region)
	case !domainName.MatchString(a.Domain):
		return d.invalid("aws.domain", "write a DNS name, for example staging.example.com", "is %q, which is no domain", a.Domain)
	case !bucketName.MatchString(a.StateBucket):
		return d.invalid("aws.stateBucket", "use 3 to 63 lower-case letters, digits, dots and dashes", "is %q, which S3 does not take", a.StateBucket)
	case a.Resolver != "" && !hostPort(a.Resolver):
		return d.invalid("aws.resolver", "write a name server and its port, for example 1.1.1.1:53", "is %q, which is no host:port", a.Resolver)
	case !label(a.Root):
		return d.invalid("aws.root", "name a folder of modules/roots", "is %q, which is no root module", a.Root)
	}
	for _, name := range sortedKeys(a.Variables) {
		if slices.Contains(OwnVariables(), name) {
			return d.invalid(join("aws.variables", name), "remove it: it follows from another key", "cannot be given")
		}
	}
	return nil
}
