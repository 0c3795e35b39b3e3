package load

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
)

// request is an operation with its blanks filled in.
type request struct {
	*compiled
	path    string
	body    string
	headers []header
	made    string // the {made} that it works on
}

type header struct{ name, value string }

// compiled is an operation, ready to be filled in again and again.
type compiled struct {
	Operation
	index      int
	path, body template
	headers    []headerTemplate
}

type headerTemplate struct {
	name  string
	value template
}

func compile(operation Operation, index int, feeds []*feed) *compiled {
	c := &compiled{
		Operation: operation, index: index,
		path: parseTemplate(operation.Path, inPath, feeds), body: parseTemplate(operation.Body, inBody, feeds),
	}
	for _, name := range slices.Sorted(maps.Keys(operation.Headers)) {
		c.headers = append(c.headers, headerTemplate{name, parseTemplate(operation.Headers[name], inHeader, feeds)})
	}
	return c
}

func (c *compiled) request(values *blanks) request {
	filled := request{compiled: c, path: c.path.fill(values), body: c.body.fill(values), made: values.made}
	for _, one := range c.headers {
		filled.headers = append(filled.headers, header{one.name, one.value.fill(values)})
	}
	return filled
}

// picker draws requests. It belongs to one goroutine; equal seeds draw equal
// operations, targets and variables.
type picker struct {
	operations []*compiled
	total      int // of weights
	targets    []string
	feeds      []*feed
	made       *ids
	run        string
	random     *rand.Rand
	favourites *rand.Zipf
	number     int64
}

func newPicker(scenario Scenario, run string, targets []string, made *ids, seed uint64) *picker {
	p := &picker{targets: targets, feeds: newFeeds(scenario.Variables), made: made, run: run, random: rand.New(rand.NewPCG(seed, 0))}
	for i, operation := range scenario.Operations {
		p.operations = append(p.operations, compile(operation, i, p.feeds))
		p.total += operation.Weight
	}
	if len(targets) > 0 {
		p.favourites = rand.NewZipf(p.random, scenario.Targets.Skew, 1, uint64(len(targets)-1))
	}
	return p
}

func (p *picker) pick() request {
	chosen, draw := 0, p.random.IntN(p.total)
	for draw >= p.operations[chosen].Weight {
		draw -= p.operations[chosen].Weight
		chosen++
	}
	p.number++
	values := blanks{number: strconv.FormatInt(p.number, 10), run: p.run}
	if p.favourites != nil {
		values.target = p.targets[p.favourites.Uint64()]
	}
	if len(p.feeds) > 0 {
		values.drawn = make([]int, len(p.feeds))
		for i, feed := range p.feeds {
			values.drawn[i] = feed.draw(p.random, p.number)
		}
	}
	operation := p.operations[chosen]
	if operation.path.made {
		made, found := p.made.take()
		if !found { // nothing made is left: the first operation stands in
			operation = p.operations[0]
		}
		values.made = made
	}
	return operation.request(&values)
}

// ids are those of the things that the load has made and not yet removed.
type ids struct {
	mu   sync.Mutex
	list []string
}

func (i *ids) add(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.list = append(i.list, id)
}

// take gives the one added last.
func (i *ids) take() (id string, found bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.list) == 0 {
		return "", false
	}
	last := len(i.list) - 1
	id, i.list = i.list[last], i.list[:last]
	return id, true
}
