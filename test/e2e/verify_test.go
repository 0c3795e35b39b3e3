package e2e

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// TestVerify sends a scenario of its own, and holds every form of the result against the
// others: what was sent, what Prometheus counted, the page, and the XML for CI.
func TestVerify(t *testing.T) {
	box := harness.New(t)
	up := append(gently(t, box, localEnvironment(t)), "--skip", "canary,verify")
	box.Must(box.Pocctl(up...))
	box.Write("load.yaml", `
operations:
  - {name: read, weight: 90, method: GET, path: "/products/{target}", cached: true}
  - {name: search, weight: 10, method: GET, path: "/products/search?q={word}"}
  - {name: gone, weight: 5, method: GET, path: /products/00000000-0000-7000-8000-000000000000, expect: [404]}
targets:
  count: 20
  skew: 1.2
  create: {method: POST, path: /products, body: '{"sku":"my-{run}-{number}","name":"{word}","price_minor":100,"currency":"EUR","stock":1000000}'}
  delete: {method: DELETE, path: "/products/{target}"}
variables:
  word: {file: words.csv, column: word, order: sequence}
stages:
  - {name: warm-up, to: 50, duration: 2s, warmup: true}
  - {name: steady, rate: 50, duration: 3s}
  - {name: ramp, from: 50, to: 100, duration: 3s}
`)
	box.Write("words.csv", "word,is\n\"old \"\"brass\"\" kettle\",text\ntea & cake,text\n")
	page, cases, again := filepath.Join(box.Home, "page.html"), filepath.Join(box.Home, "cases.xml"), filepath.Join(box.Home, "again.html")
	box.Write("source/config/slo.yaml", anyLatency)
	result := measured(t, box, "verify", "--slo", "--scenario", filepath.Join(box.Home, "load.yaml"), "--page", page, "--junit", cases,
		"-o", "json", "--source", filepath.Join(box.Home, "source"))
	verified := parse(t, box.Must(result))
	var document struct {
		Load struct {
			Stages   []struct{ Name string }
			Timeline struct{ Intervals []struct{ Due, Sent int64 } }
			Total    struct{ Sent, Failed int64 }
			Wire     struct{ Sent int64 }
		}
		Reconciliation struct {
			Verdict, Reason string
			Rows            []struct {
				Name           string
				Client, Server float64
			}
		}
	}
	if err := json.Unmarshal([]byte(result.Stdout), &document); err != nil {
		t.Fatal(err)
	}
	load := document.Load
	if load.Total.Sent != 375 || load.Total.Failed != 0 || len(load.Stages) != 2 || load.Wire.Sent != 375+50+2*20 {
		t.Errorf("the load: %+v", load)
	}
	var due int64
	for _, interval := range load.Timeline.Intervals {
		due += interval.Due
	}
	if due != 375+50 {
		t.Errorf("%d were due in the timeline", due)
	}
	compared := document.Reconciliation
	if compared.Verdict != "agrees" || len(compared.Rows) < 3 || int64(compared.Rows[0].Client) != load.Wire.Sent || compared.Rows[0].Server < compared.Rows[0].Client {
		t.Errorf("compared with Prometheus: %+v", compared)
	}
	var suites struct {
		Suites []struct {
			Name            string `xml:"name,attr"`
			Tests, Failures int    `xml:",attr"`
			Cases           []struct {
				Name string `xml:"name,attr"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	text, err := os.ReadFile(cases)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(text, &suites); err != nil || len(suites.Suites) != 2 || len(suites.Suites[1].Cases) != len(verified.SLO) {
		t.Errorf("%v, %+v for %d objectives", err, suites, len(verified.SLO))
	}
	box.Must(box.Pocctl("report", "--html", again))
	drawn, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	repeated, err := os.ReadFile(again)
	if err != nil || string(drawn) != string(repeated) || !strings.Contains(string(drawn), "What the service says itself") {
		t.Errorf("the page of %d bytes and that of the report, %d bytes, differ: %v", len(drawn), len(repeated), err)
	}
	if !strings.Contains(result.Stderr, "the page is "+page) {
		t.Errorf("it doesn't say where the page is: %s", result.Stderr)
	}
}
