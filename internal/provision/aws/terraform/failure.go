package terraform

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/fault"
)

// Failure is how a run of Terraform ended that did not pass.
type Failure struct {
	Command     string // init, plan, apply, destroy
	Diagnostics []Diagnostic
	// Said is what it said beside its diagnostics, where it has none.
	Said  string
	cause error
}

// Error gives the diagnostics, each in one line.
func (f *Failure) Error() string {
	var lines []string
	for _, diagnostic := range f.Diagnostics {
		lines = append(lines, diagnostic.text())
	}
	if len(lines) == 0 {
		lines = append(lines, oneLine(f.Said))
	}
	return "terraform " + f.Command + ": " + strings.Join(lines, "; ")
}

// Unwrap gives how the process ended.
func (f *Failure) Unwrap() error { return f.cause }

// passing are errors of AWS that go away: too many calls, or something made a moment ago that is not
// seen everywhere yet. What is not listed is not tried again.
func passing() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`\b(Throttling|ThrottlingException|ThrottledException|RequestLimitExceeded|TooManyRequestsException|RequestThrottled|SlowDown|BandwidthLimitExceeded|PriorRequestNotComplete|ProvisionedThroughputExceededException|EC2ThrottledException)\b`),
		regexp.MustCompile(`(?i)\brate exceeded\b`),
		regexp.MustCompile(`\b(InternalFailure|ServiceUnavailable|ServiceUnavailableException|InternalServerError)\b`),
		// A role or policy that IAM has not told everyone of.
		regexp.MustCompile(`InvalidParameterException: .*(role|Role).* (cannot be assumed|could not be assumed|not authorized to perform: sts:AssumeRole)`),
		regexp.MustCompile(`MalformedPolicy(Document|DocumentException)?: .*[Ii]nvalid principal`),
		regexp.MustCompile(`InvalidInstanceProfile|Invalid IAM Instance Profile`),
		regexp.MustCompile(`\b(InvalidSubnetID|InvalidVpcID|InvalidGroup|InvalidAllocationID|InvalidRouteTableID|NatGateway|InvalidInternetGatewayID)\.?NotFound\b`),
		regexp.MustCompile(`\bOperationAborted: .*conflicting conditional operation`),
		regexp.MustCompile(`\bConcurrentModificationException\b`),
	}
}

// Passing says whether every error of the run is one that goes away by itself.
func (f *Failure) Passing() bool {
	if len(f.Diagnostics) == 0 {
		return false
	}
	patterns := passing()
	return !slices.ContainsFunc(f.Diagnostics, func(d Diagnostic) bool {
		return !slices.ContainsFunc(patterns, func(pattern *regexp.Regexp) bool {
			return pattern.MatchString(oneLine(d.Summary + ": " + d.Detail))
		})
	})
}

// Stale says that the plan was made of another state than there is now.
func (f *Failure) Stale() bool { return strings.Contains(f.Error(), "Saved plan is stale") }

var (
	lockID  = regexp.MustCompile(`\bID:\s+(\S+)`)
	lockWho = regexp.MustCompile(`\bWho:\s+(\S+)`)
	lockWas = regexp.MustCompile(`\bCreated:\s+(\S+ \S+)`)
)

// told is a failure in the catalogue's words, which do not repeat it.
type told struct {
	problem *fault.Error
	failure *Failure
}

func (t told) Error() string   { return t.problem.Error() }
func (t told) Unwrap() []error { return []error{t.problem, t.failure} }

// fault puts the failure into the catalogue's words, but for an interruption: the
// engine has its own for that.
func (f *Failure) fault(environment, directory string) error {
	if errors.Is(f.cause, context.Canceled) {
		return f
	}
	return told{f.words(environment, directory), f}
}

func (f *Failure) words(environment, directory string) *fault.Error {
	text := oneLine(f.Error())
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
	}
	switch {
	case has("Error acquiring the state lock"):
		return fault.New(fault.StateLocked, "env", environment, "holder", lockHolder(text), "id", first(lockID, text, "LOCK_ID"), "directory", directory)
	case has("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "RequestExpired", "token included in the request is expired"):
		return fault.New(fault.CredentialsRefused, "detail", f.summary())
	case has("No valid credential sources found", "failed to refresh cached credentials"):
		return fault.New(fault.CredentialsMissing, "detail", f.summary())
	case has("match any of the checksums"):
		return fault.New(fault.TerraformFailed, "command", f.Command, "detail", f.summary(),
			"fix", "the provider is another than the one before; if that is meant, remove "+filepath.Join(directory, lockName))
	case f.Command == "init" && has("Failed to query available provider packages", "Failed to install provider", "could not query provider registry", "Could not retrieve the list of available versions", "Failed to resolve provider packages"):
		return fault.New(fault.ProviderUnavailable, "detail", f.summary())
	case f.Command == "apply" || f.Command == "destroy":
		return fault.New(fault.ApplyFailed, "count", resources(len(f.Diagnostics)), "detail", f.list())
	default:
		return fault.New(fault.TerraformFailed, "command", f.Command, "detail", f.summary(), "fix", "correct what it names, and run the same command again")
	}
}

// summary is the failure without "terraform COMMAND: ".
func (f *Failure) summary() string {
	return shorten(strings.TrimPrefix(f.Error(), "terraform "+f.Command+": "))
}

// list is every diagnostic, one a line where there are more.
func (f *Failure) list() string {
	if len(f.Diagnostics) <= 1 {
		return f.summary()
	}
	var list strings.Builder
	for _, diagnostic := range f.Diagnostics {
		fmt.Fprintf(&list, "\n  %s", shorten(diagnostic.text()))
	}
	return list.String()
}

func lockHolder(text string) string {
	holder := first(lockWho, text, "someone")
	if since := first(lockWas, text, ""); since != "" {
		holder += ", since " + since
	}
	return holder
}

func first(pattern *regexp.Regexp, text, otherwise string) string {
	if found := pattern.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return otherwise
}

func shorten(text string) string {
	const most = 600
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func resources(count int) string {
	if count == 1 {
		return "1 resource was"
	}
	return fmt.Sprintf("%d resources were", count)
}
