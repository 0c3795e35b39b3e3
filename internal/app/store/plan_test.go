package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/catalog/samples"
	"github.com/pocctl/pocctl/internal/app/store"
)

// lastQuery is a tracer that keeps what was asked last.
type lastQuery struct {
	mutex sync.Mutex
	sql   string
	args  []any
}

func (q *lastQuery) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.sql, q.args = data.SQL, data.Args
	return ctx
}

func (q *lastQuery) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// planned tells whether it was planned for its arguments.
func (q *lastQuery) planned() bool {
	return slices.Contains(q.args, any(pgx.QueryExecModeCacheDescribe))
}

// literals are the arguments as SQL.
func (q *lastQuery) literals() string {
	var literals []string
	for _, arg := range q.args {
		if _, is := arg.(pgx.QueryExecMode); !is {
			literals = append(literals, "'"+strings.ReplaceAll(fmt.Sprint(arg), "'", "''")+"'")
		}
	}
	return strings.Join(literals, ", ")
}

// plan is a node of what EXPLAIN answers.
type plan struct {
	Kind     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Loops    float64 `json:"Actual Loops"`
	Rows     float64 `json:"Actual Rows"` // of a loop
	Removed  float64 `json:"Rows Removed by Filter"`
	Plans    []plan
}

// nodes are the node and those below it.
func (p plan) nodes() []plan {
	all := []plan{p}
	for _, child := range p.Plans {
		all = append(all, child.nodes()...)
	}
	return all
}

// read is how many rows of tables were looked at.
func (p plan) read() (rows float64) {
	for _, node := range p.nodes() {
		if node.Relation != "" {
			rows += node.Loops * (node.Rows + node.Removed)
		}
	}
	return rows
}

// scans tells whether it has read the whole of a table.
func (p plan) scans() bool {
	return slices.ContainsFunc(p.nodes(), func(node plan) bool { return node.Kind == "Seq Scan" && node.Loops > 0 })
}

// explain runs the last query with a plan for its arguments, or with one for any.
func explain(t *testing.T, connection *pgx.Conn, asked *lastQuery, generic bool) plan {
	t.Helper()
	mode := map[bool]string{true: "force_generic_plan", false: "force_custom_plan"}[generic]
	results, err := connection.PgConn().Exec(t.Context(), strings.Join([]string{
		"SET plan_cache_mode = " + mode, "SET jit = off", "DEALLOCATE ALL", "PREPARE asked AS " + asked.sql,
		"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked (" + asked.literals() + ")",
	}, ";")).ReadAll()
	if err != nil {
		t.Fatalf("explain: %v", err)
	}
	answer := bytes.Join(results[len(results)-1].Rows[0], nil)
	var plans []struct{ Plan plan }
	if err := json.Unmarshal(answer, &plans); err != nil || len(plans) != 1 {
		t.Fatalf("read the plan: %v\n%s", err, answer)
	}
	return plans[0].Plan
}

// manyProducts is a store on the large seed, what it asks, and a connection to
// explain that on.
type manyProducts struct {
	store      *store.Store
	asked      *lastQuery
	connection *pgx.Conn
}

func (m *manyProducts) list(t *testing.T, asked catalog.Query) (plans map[bool]plan) {
	t.Helper()
	if _, err := m.store.List(t.Context(), asked); err != nil {
		t.Fatalf("list %+v: %v", asked, err)
	}
	return map[bool]plan{false: explain(t, m.connection, m.asked, false), true: explain(t, m.connection, m.asked, true)}
}

func TestManyProducts(t *testing.T) {
	url := large(t)
	m := &manyProducts{asked: &lastQuery{}}
	traced := options(url)
	traced.Tracer = m.asked
	var err error
	if m.store, err = store.New(t.Context(), traced); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.store.Close)
	if m.connection, err = pgx.Connect(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.connection.Close(context.Background()) })

	t.Run("the seed holds together", func(t *testing.T) {
		report := check(t, url, many)
		if err := report.Err(); err != nil || report.Untouched != many || report.Sum != largeSum {
			t.Errorf("after the large seed: %+v", report)
		}
	})
	t.Run("a page reads as many rows as it has", m.testPages)
	t.Run("a filter that lets few through is read by an index", m.testFilters)
	t.Run("a search reads few rows, however common its words", m.testSearches)
}

func (m *manyProducts) testPages(t *testing.T) {
	middle := samples.Product(many / 2)
	position := &catalog.Position{Name: middle.Name, PriceMinor: middle.PriceMinor, ID: middle.ID}
	indexes := map[catalog.SortField]string{
		"": "products_pkey", catalog.SortCreated: "products_pkey",
		catalog.SortName: "products_name_index", catalog.SortPrice: "products_price_index",
	}
	for _, order := range everyOrder() {
		for _, after := range []*catalog.Position{nil, position} {
			for generic, plan := range m.list(t, catalog.Query{Sort: order, After: after, Limit: 21}) {
				for _, node := range plan.nodes() {
					byIndex := node.Kind == "Index Scan" && node.Index == indexes[order.Field]
					if node.Kind != "Limit" && !byIndex || plan.read() != 21 {
						t.Errorf("%+v after %v, generic %t: %s by %q; %v rows read", order, after, generic, node.Kind, node.Index, plan.read())
					}
				}
			}
		}
	}
}

func (m *manyProducts) testFilters(t *testing.T) {
	price := func(minor int64) *int64 { return &minor }
	for _, filter := range []catalog.Filter{
		{InStock: true},
		{Currency: "EUR"},
		{Currency: "JPY"}, // none
		{MinPriceMinor: price(700), MaxPriceMinor: price(720)},
		{Currency: "GBP", MinPriceMinor: price(700), MaxPriceMinor: price(720), InStock: true},
	} {
		for _, order := range everyOrder() {
			plan := m.list(t, catalog.Query{Filter: filter, Sort: order, Limit: 21})[false]
			if !m.asked.planned() {
				t.Errorf("%+v %+v has the plan of any filter", filter, order)
			}
			if plan.scans() || plan.read() > 100 {
				t.Errorf("%+v %+v reads %v rows, a whole table %t", filter, order, plan.read(), plan.scans())
			}
		}
	}
}

func (m *manyProducts) testSearches(t *testing.T) {
	for kind, texts := range searchTerms() {
		for _, text := range texts {
			if _, err := m.store.Search(t.Context(), catalog.Search{Text: text, Limit: 21}); err != nil {
				t.Fatalf("search %q: %v", text, err)
			}
			for _, generic := range []bool{false, true} {
				plan := explain(t, m.connection, m.asked, generic)
				if plan.scans() || plan.read() > 5000 {
					t.Errorf("%s %q, generic %t: reads %v rows, a whole table %t", kind, text, generic, plan.read(), plan.scans())
				}
			}
		}
	}
}
