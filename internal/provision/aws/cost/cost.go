package cost

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

// Estimate is what a plan costs, in US dollars a month, on demand and without what
// goes by use.
type Estimate struct {
	Currency string `json:"currency"` // USD
	Region   string `json:"region"`
	AsOf     string `json:"asOf"` // the month of the prices
	// Asked is nil if AWS' price list was not asked.
	Asked *Asked `json:"asked,omitempty"`
	// Before and After are all resources before and after the plan.
	Before  float64  `json:"before"`
	After   float64  `json:"after"`
	Modules []Module `json:"modules"` // the dearest first, those that cost nothing left out
	// ByUse are types of the plan that cost by use, which is not counted.
	ByUse []ByUse `json:"byUse"`
	// Unknown are resources without a price, or with one that is partly a guess.
	Unknown []Unknown `json:"unknown"`
}

// Asked says what AWS' own price list told.
type Asked struct {
	On     string `json:"on"`     // the day, as 2006-01-02
	Prices int    `json:"prices"` // of instance types that are not the table's
}

// Prices says of when the prices are: "2025-06", and what AWS' own list told since.
func (e Estimate) Prices() string {
	if e.Asked == nil {
		return e.AsOf
	}
	return fmt.Sprintf("%s, but for %d of instances that AWS' price list told on %s", e.AsOf, e.Asked.Prices, e.Asked.On)
}

// Module is what the resources of a module cost.
type Module struct {
	Module string  `json:"module"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	Lines  []Line  `json:"resources"` // the dearest first
}

// Line is what the resources of one block cost.
type Line struct {
	Block  string  `json:"resource"`
	Count  int     `json:"count"` // instances of it after the plan
	Before float64 `json:"before"`
	After  float64 `json:"after"`
}

// ByUse is a type whose cost goes by use.
type ByUse struct {
	Type string `json:"type"`
	What string `json:"what"` // gigabytes of logs
}

// Unknown is a resource whose price is not sure.
type Unknown struct {
	Address string `json:"address"`
	Why     string `json:"why"`
}

// Known says whether the table holds prices of region.
func (t Table) Known(region string) bool {
	_, known := t.Regions[region]
	return known
}

// Of estimates what p costs in region. In a region without prices everything that
// costs is Unknown.
func (t Table) Of(p plan.Plan, region string) Estimate {
	estimate := Estimate{Currency: "USD", Region: region, AsOf: t.AsOf, Modules: []Module{}, ByUse: []ByUse{}, Unknown: []Unknown{}}
	if t.asked != nil {
		estimate.Asked = &Asked{On: t.asked.on, Prices: t.asked.answered}
		estimate.Unknown = append(estimate.Unknown, t.asked.unanswered...)
	}
	prices := t.Regions[region]
	modules := map[string]map[string]*Line{}
	disks := templateDisks(p)
	for _, resource := range p.Resources {
		before, after := resource.Before, resource.After
		if gigabytes, known := disks[templateOf(resource)]; known && resource.Type == "aws_eks_node_group" {
			before, after = withDisk(before, gigabytes), withDisk(after, gigabytes)
		}
		if what, is := t.ByUse[resource.Type]; is && !slices.Contains(estimate.ByUse, ByUse{resource.Type, what}) {
			estimate.ByUse = append(estimate.ByUse, ByUse{resource.Type, what})
		}
		was, _ := t.price(prices, resource.Type, before)
		is, priced := t.price(prices, resource.Type, after)
		if priced && !t.Known(region) {
			is.unknown = "there are no prices of " + region
		}
		if is.unknown != "" {
			estimate.Unknown = append(estimate.Unknown, Unknown{resource.Address, is.unknown})
		} else if is.spot {
			estimate.Unknown = append(estimate.Unknown, Unknown{resource.Address, "spot instances; their price varies"})
		}
		if was.monthly == 0 && is.monthly == 0 {
			continue
		}
		if modules[resource.Module] == nil {
			modules[resource.Module] = map[string]*Line{}
		}
		line := modules[resource.Module][resource.Block]
		if line == nil {
			line = &Line{Block: resource.Block}
			modules[resource.Module][resource.Block] = line
		}
		if after != nil {
			line.Count++
		}
		line.Before += was.monthly
		line.After += is.monthly
	}
	for name, lines := range modules {
		estimate.add(name, lines)
	}
	slices.SortFunc(estimate.Modules, func(a, b Module) int {
		return cmp.Or(cmp.Compare(max(b.After, b.Before), max(a.After, a.Before)), cmp.Compare(a.Module, b.Module))
	})
	slices.SortFunc(estimate.ByUse, func(a, b ByUse) int { return cmp.Compare(a.Type, b.Type) })
	estimate.Before, estimate.After = cents(estimate.Before), cents(estimate.After)
	return estimate
}

func (e *Estimate) add(name string, lines map[string]*Line) {
	module := Module{Module: name}
	for _, line := range lines {
		line.Before, line.After = cents(line.Before), cents(line.After)
		module.Lines = append(module.Lines, *line)
		module.Before += line.Before
		module.After += line.After
	}
	slices.SortFunc(module.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(max(b.After, b.Before), max(a.After, a.Before)), cmp.Compare(a.Block, b.Block))
	})
	module.Before, module.After = cents(module.Before), cents(module.After)
	e.Before += module.Before
	e.After += module.After
	e.Modules = append(e.Modules, module)
}

func (t Table) price(region Region, kind string, values map[string]any) (amount, bool) {
	if values == nil {
		return amount{}, false
	}
	return t.of(region, kind, values)
}

// templateOf names the launch template of a node group: the one beside it with the
// same key.
func templateOf(resource plan.Resource) string {
	module, _, _ := strings.Cut(resource.Address, resource.Type)
	return module + plan.Key(resource.Address)
}

// templateDisks gives the gigabytes of disk that launch templates say, by templateOf.
func templateDisks(p plan.Plan) map[string]float64 {
	disks := map[string]float64{}
	for _, resource := range p.Resources {
		if resource.Type != "aws_launch_template" {
			continue
		}
		template := resource.After
		if template == nil { // it goes, and its nodes with it
			template = resource.Before
		}
		volume := attributes(template).first("block_device_mappings").first("ebs")
		if size := volume.number("volume_size", 0); size > 0 {
			disks[templateOf(resource)] = size
		}
	}
	return disks
}

func withDisk(group map[string]any, gigabytes float64) map[string]any {
	if group == nil {
		return nil
	}
	whole := maps.Clone(group)
	whole["disk_size"] = gigabytes
	return whole
}

func cents(dollars float64) float64 { return math.Round(dollars*100) / 100 }
