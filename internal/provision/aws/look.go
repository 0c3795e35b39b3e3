package aws

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"golang.org/x/sync/errgroup"

	"github.com/pocctl/pocctl/internal/provision/aws/cost"
	"github.com/pocctl/pocctl/internal/provision/aws/forecast"
	"github.com/pocctl/pocctl/internal/provision/aws/graph"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/internal/provision/aws/preflight"
	"github.com/pocctl/pocctl/internal/provision/aws/terraform"
)

// Overview is what Terraform would do to an environment, and what stands in its way.
type Overview struct {
	Counts plan.Counts `json:"counts"`
	// Changes are the resources that do not stay as they are, the gravest first.
	Changes []plan.Resource `json:"changes"`
	// Kept is how many stay as they are.
	Kept     int               `json:"kept"`
	Drift    []plan.Drift      `json:"drift"`
	Cost     cost.Estimate     `json:"cost"`
	Forecast Forecast          `json:"forecast"`
	Checks   preflight.Report  `json:"preflight"`
	Versions map[string]string `json:"versions"` // of terraform
}

// Forecast is how long Terraform will take, in seconds.
type Forecast struct {
	Seconds float64 `json:"seconds"`
	AsOf    string  `json:"asOf"` // the month of the table of durations
	// Cluster is when the cluster can take releases, in seconds since Terraform began.
	Cluster float64 `json:"clusterSeconds"`
	// Path are the resources that decide it, first to last.
	Path []Leg `json:"criticalPath"`
}

// Leg is one resource of the critical path.
type Leg struct {
	Address string  `json:"address"`
	Start   float64 `json:"startSeconds"` // since Terraform began
	Seconds float64 `json:"seconds"`
}

// LookOptions say what to look at.
type LookOptions struct {
	// Destroy looks at taking everything away.
	Destroy bool
	// DriftOnly looks for what has changed outside Terraform, and at nothing else.
	DriftOnly bool
	// Checks asks AWS for permissions, quotas and the zone too.
	Checks bool
	// AskPrices asks AWS' price list for what instances cost today.
	AskPrices bool
}

// Look plans, and changes nothing: no state is locked, and no bucket is made.
func (e *Environment) Look(ctx context.Context, options LookOptions, progress Progress) (Overview, error) {
	progress.Waiting("AWS to say whose credentials these are")
	root, err := e.setUp(ctx, progress)
	if err != nil {
		return Overview{}, err
	}
	file := filepath.Join(e.work(), "look.tfplan")
	planned, order, err := e.plan(ctx, root, file, terraform.PlanOptions{
		Destroy: options.Destroy, RefreshOnly: options.DriftOnly, NoLock: true,
	}, progress)
	if err != nil {
		return Overview{}, err
	}
	overview, err := e.overview(ctx, planned, order, options.AskPrices, progress)
	if err != nil {
		return overview, err
	}
	if options.Checks {
		progress.Waiting("AWS to say what is allowed and free")
		if overview.Checks, err = e.check(ctx, planned); err != nil {
			return overview, err
		}
	}
	if root.remote && !options.Destroy && !options.DriftOnly {
		e.mu.Lock()
		e.planned = &looked{file, planned, order}
		e.mu.Unlock()
	}
	return overview, nil
}

// plan plans into file, and asks for the order of things meanwhile.
func (e *Environment) plan(ctx context.Context, root *root, file string, options terraform.PlanOptions, progress Progress) (plan.Plan, graph.Graph, error) {
	var planned plan.Plan
	var order graph.Graph
	progress.Waiting("terraform plan")
	both, inner := errgroup.WithContext(ctx)
	both.Go(func() error {
		if err := root.Plan(inner, file, options); err != nil {
			return err
		}
		shown, err := root.Show(inner, file)
		if err != nil {
			return err
		}
		planned, err = plan.Read(shown)
		return err
	})
	both.Go(func() error {
		dot, err := root.Graph(inner)
		if err != nil {
			return err
		}
		order, err = graph.Parse(dot)
		return err
	})
	return planned, order, both.Wait()
}

func (e *Environment) overview(ctx context.Context, planned plan.Plan, order graph.Graph, ask bool, progress Progress) (Overview, error) {
	overview := Overview{
		Counts: planned.Counts(), Changes: planned.Changes(), Drift: planned.Drift,
		Checks: preflight.Report{Checks: []preflight.Check{}, Quotas: []preflight.Quota{}},
	}
	overview.Kept = len(planned.Resources) - len(overview.Changes)
	durations, err := forecast.Load()
	if err != nil {
		return overview, err
	}
	prices, err := cost.Load()
	if err != nil {
		return overview, err
	}
	if ask {
		progress.Waiting("AWS to say what it asks for instances")
		if prices, err = e.ask(ctx, prices, planned); err != nil {
			return overview, err
		}
	}
	overview.Cost = prices.Of(planned, e.options.Region)
	made := forecast.Make(planned, order, durations)
	overview.Forecast = Forecast{Seconds: made.Total.Seconds(), AsOf: durations.AsOf, Cluster: made.First("aws_eks_node_group").Seconds(), Path: []Leg{}}
	for _, leg := range made.Path {
		overview.Forecast.Path = append(overview.Forecast.Path, Leg{leg.Address, leg.Start.Seconds(), leg.Duration.Seconds()})
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.binary != nil {
		overview.Versions = map[string]string{"terraform": e.binary.Version}
	}
	return overview, nil
}

// ask takes the prices of instances from AWS' price list.
func (e *Environment) ask(ctx context.Context, prices cost.Table, planned plan.Plan) (cost.Table, error) {
	opened, err := e.open(ctx)
	if err != nil {
		return prices, err
	}
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	list := pricing.NewFromConfig(opened.settings, func(o *pricing.Options) { o.Region = cost.ListRegion })
	return prices.Ask(limited, list, planned, e.options.Region, time.Now()), ctx.Err()
}

// checkTimeout ends questions to AWS: what has not been answered is unknown.
const checkTimeout = 20 * time.Second

// check asks AWS what stands in the plan's way.
func (e *Environment) check(ctx context.Context, planned plan.Plan) (preflight.Report, error) {
	opened, err := e.open(ctx)
	if err != nil {
		return preflight.Report{}, err
	}
	actions, err := preflight.Actions(planned)
	if err != nil {
		return preflight.Report{}, err
	}
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	report := preflight.Report{
		Account: opened.identity.Account, Principal: opened.identity.ARN, Region: e.options.Region,
		Checks: make([]preflight.Check, 2, 4), Quotas: []preflight.Quota{},
	}
	version := preflight.ClusterVersion(planned)
	if version != "" {
		report.Checks = append(report.Checks, preflight.Check{})
	}
	adds := func(kind string) bool {
		return slices.ContainsFunc(planned.Resources, func(r plan.Resource) bool { return r.Type == kind && r.Action == plan.Add })
	}
	if check, has := preflight.Firewall(planned, e.options.Requests); has {
		report.Checks = append(report.Checks, check)
	}
	var all errgroup.Group
	all.Go(func() error {
		report.Checks[0] = preflight.Permissions(limited, iam.NewFromConfig(opened.settings), opened.identity.ARN, actions)
		return nil
	})
	all.Go(func() error {
		report.Checks[1] = preflight.Zone(limited, route53.NewFromConfig(opened.settings), e.options.Resolver, e.options.Domain, adds("aws_route53_zone"), adds("aws_acm_certificate_validation"))
		return nil
	})
	all.Go(func() error {
		report.Quotas = preflight.Quotas(limited, servicequotas.NewFromConfig(opened.settings),
			preflight.OpenClients(opened.settings).Usage(), preflight.Needs(planned, 0))
		return nil
	})
	if version != "" {
		all.Go(func() error {
			report.Checks[2] = preflight.Version(limited, eks.NewFromConfig(opened.settings), version)
			return nil
		})
	}
	return report, errors.Join(all.Wait(), ctx.Err())
}
