package forecast

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/pocctl/pocctl/internal/provision/aws/graph"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

// Parallel is how many resources Terraform is let work on at once. Its own 10 would
// hold up what is on the critical path.
const Parallel = 30

// Forecast is how long a plan will take.
type Forecast struct {
	Total time.Duration
	// Path are the resources that nothing could be faster than, first to last.
	Path []Leg
	// first is when the first resource of each type is done.
	first map[string]time.Duration
}

// First says when the first resource of a type is done; zero if there is none to wait for.
func (f Forecast) First(kind string) time.Duration { return f.first[kind] }

// Leg is one resource of the critical path.
type Leg struct {
	Address  string
	Start    time.Duration // since Terraform began
	Duration time.Duration
}

// instance is a resource that the plan changes.
type instance struct {
	resource plan.Resource
	waits    []*instance
	length   time.Duration
	state    state
	end      time.Duration
	last     *instance // that it had to wait for longest
}

type state int

const (
	pending state = iota
	running
	done
)

// Make walks the plan as Terraform will: each resource when those it waits for are
// done, destructions the other way round, and Parallel at once.
func Make(p plan.Plan, g graph.Graph, table Table) Forecast {
	instances := order(p, g, table)
	var now time.Duration
	for {
		busy := start(instances, now)
		if busy == nil {
			break
		}
		now = busy.end
		busy.state = done
	}
	var forecast Forecast
	var final *instance
	forecast.first = map[string]time.Duration{}
	for _, one := range instances {
		if final == nil || one.end > final.end {
			final = one
		}
		if end, is := forecast.first[one.resource.Type]; !is || one.end < end {
			forecast.first[one.resource.Type] = one.end
		}
	}
	if final == nil {
		return forecast
	}
	forecast.Total = final.end
	for one := final; one != nil; one = one.last {
		forecast.Path = append(forecast.Path, Leg{one.resource.Address, one.end - one.length, one.length})
	}
	slices.Reverse(forecast.Path)
	return forecast
}

// start begins what can begin, and gives the one at work that ends first; nil if
// there is none.
func start(instances []*instance, now time.Duration) *instance {
	var first *instance
	busy := 0
	for _, one := range instances {
		if one.state == running {
			busy++
		}
	}
	for _, one := range instances {
		if one.state == pending && busy < Parallel && one.ready() {
			one.state, one.end = running, now+one.length
			busy++
		}
		if one.state == running && (first == nil || one.end < first.end) {
			first = one
		}
	}
	return first
}

// ready says whether all that one waits for is done, and notes which was the last.
func (one *instance) ready() bool {
	for _, other := range one.waits {
		if other.state != done {
			return false
		}
		if one.last == nil || other.end > one.last.end {
			one.last = other
		}
	}
	return true
}

// order makes the instances with what they wait for. Blocks that change nothing, data
// sources among them, are passed through: what waits for them waits for what they
// wait for.
func order(p plan.Plan, g graph.Graph, table Table) []*instance {
	byBlock := map[string][]*instance{}
	var instances []*instance
	for _, resource := range p.Changes() {
		one := &instance{resource: resource, length: table.Of(resource)}
		instances = append(instances, one)
		byBlock[resource.Block] = append(byBlock[resource.Block], one)
	}
	slices.SortStableFunc(instances, func(a, b *instance) int { return cmp.Compare(a.resource.Address, b.resource.Address) })
	for _, block := range slices.Sorted(maps.Keys(byBlock)) {
		for _, other := range before(block, g, byBlock) {
			for _, one := range byBlock[block] {
				for _, needed := range byBlock[other] {
					link(one, needed)
				}
			}
		}
	}
	return instances
}

// link lets one wait for needed, or the other way round where both go away.
func link(one, needed *instance) {
	switch {
	case one.resource.Action == plan.Destroy && needed.resource.Action == plan.Destroy:
		needed.waits = append(needed.waits, one)
	case one.resource.Action != plan.Destroy && needed.resource.Action != plan.Destroy:
		one.waits = append(one.waits, needed)
	}
}

// before gives the nearest blocks with changes that block waits for.
func before(block string, g graph.Graph, changed map[string][]*instance) []string {
	var found []string
	seen := map[string]bool{block: true}
	var walk func(string)
	walk = func(from string) {
		for _, next := range g.Waits[from] {
			if seen[next] {
				continue
			}
			seen[next] = true
			if len(changed[next]) > 0 {
				found = append(found, next)
				continue
			}
			walk(next)
		}
	}
	walk(block)
	return found
}
