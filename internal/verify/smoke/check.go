// Package smoke asks a fresh deployment whether it works: every component
// ready, migrations at head, a token to be had, and one transaction through the
// ingress.
package smoke

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	"golang.org/x/oauth2"
	"k8s.io/client-go/kubernetes"
)

// Progress is told what a check waits for and, at its end, what it found.
type Progress interface {
	Waiting(format string, args ...any)
	Detail(format string, args ...any)
}

// Check is one thing to look at. Run polls until it is so, its deadline passes
// or ctx ends; its errors are fault.SmokeFailed, or that of ctx.
type Check struct {
	Name string // "smoke/components"
	// Describe says in one line what is looked at.
	Describe string
	// DependsOn lists other checks that have to pass before.
	DependsOn []string
	Run       func(context.Context, Progress) error
}

// Options of the checks.
type Options struct {
	// Kubernetes leaves the components out if it is nil.
	Kubernetes kubernetes.Interface
	// Rollouts lists those of a namespace; nil where there is no Argo Rollouts.
	Rollouts  func(ctx context.Context, namespace string) ([]*v1alpha1.Rollout, error)
	Namespace string
	// Root is where HTTP enters, for example http://127.0.0.1:8080; empty leaves
	// the service out.
	Root string
	// Path is the API's base path there; /api/v1 if empty.
	Path string
	// Token gives the bearer token of the transaction's calls, for the role editor;
	// nil sends none, and leaves the login out.
	Token oauth2.TokenSource
	// Issuer is the URL of the issuer that Token asks, for messages.
	Issuer string
	// Deadline is how long a check waits for what is not yet so; 60 s if zero.
	Deadline time.Duration
	// Client sends the requests; one with a timeout of 10 s if nil.
	Client *http.Client
}

func (o Options) complete() Options {
	if o.Path == "" {
		o.Path = "/api/v1"
	}
	o.Root, o.Path = strings.TrimSuffix(o.Root, "/"), "/"+strings.Trim(o.Path, "/")
	if o.Deadline <= 0 {
		o.Deadline = time.Minute
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	return o
}

// The checks by name.
const (
	Components  = "smoke/components"
	Migrations  = "smoke/migrations"
	Login       = "smoke/login"
	Transaction = "smoke/transaction"
)

// Checks lists the checks that options allow, in order.
func Checks(options Options) []Check {
	options = options.complete()
	var checks []Check
	var before []string
	if options.Kubernetes != nil {
		checks = append(checks, Check{
			Name: Components, Describe: "every component in namespace " + options.Namespace + " is ready",
			Run: components{options}.check,
		})
		before = []string{Components}
	}
	if options.Root == "" {
		return checks
	}
	checks = append(checks, Check{
		Name: Migrations, Describe: "the service is ready and its migrations are at head",
		DependsOn: before, Run: migrations{options}.check,
	})
	ready := []string{Migrations}
	if options.Token != nil {
		checks = append(checks, Check{
			Name: Login, Describe: "the issuer " + options.Issuer + " gives tokens",
			DependsOn: before, Run: login{options}.check,
		})
		ready = append(ready, Login)
	}
	return append(checks, Check{
		Name: Transaction, Describe: "create, read, read from the cache, search, order and delete a product through " + options.Root,
		DependsOn: ready, Run: transaction{options}.check,
	})
}

// Result is a check's outcome.
type Result struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	Err     error   `json:"-"` // nil if it passed
	Skipped bool    `json:"skipped,omitempty"`
}

// Run runs checks one after the other; those that depend on one that failed are
// skipped. It gives the first error.
func Run(ctx context.Context, checks []Check, progress Progress) ([]Result, error) {
	var results []Result
	var first error
	failed := map[string]bool{}
	for _, check := range checks {
		result := Result{Name: check.Name}
		for _, name := range check.DependsOn {
			result.Skipped = result.Skipped || failed[name]
		}
		if !result.Skipped {
			begin := time.Now()
			result.Err = check.Run(ctx, progress)
			result.Seconds = time.Since(begin).Seconds()
		}
		failed[check.Name] = result.Skipped || result.Err != nil
		if first == nil {
			first = result.Err
		}
		results = append(results, result)
	}
	return results, first
}
