package scenario

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/verify/load"
)

const shop = "../../../test/perf/scenarios/shop.yaml"

// The example is the load that is built in.
func TestShop(t *testing.T) {
	got, err := Read(shop)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(load.Products(), got.Load); diff != "" {
		t.Errorf("%s differs from what is built in (-built in +file):\n%s", shop, diff)
	}
	want := []load.Stage{
		{Name: "warm-up", Rate: 300, Duration: 5 * time.Second, Climb: true, Warmup: true},
		{Name: "steady", Rate: 300, Duration: 20 * time.Second},
		{Name: "ramp", From: 300, Rate: 600, Duration: 10 * time.Second, Climb: true},
		{Name: "spike", Rate: 600, Duration: 20 * time.Second},
		{Name: "recovery", Rate: 300, Duration: 20 * time.Second},
	}
	if diff := cmp.Diff(want, got.Stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
}

// The example in the documentation can be sent.
func TestDocumentedScenario(t *testing.T) {
	page, err := os.ReadFile("../../../docs/load.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("there is no example")
	}
	got, err := Parse("load.md", []byte(text), func(string) ([]byte, error) { return []byte("word\nlantern\n"), nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := load.Check(load.Options{URL: "http://shop", Stages: got.Stages, Scenario: got.Load}); err != nil || len(got.Stages) != 4 {
		t.Errorf("%d stages, %v", len(got.Stages), err)
	}
}

func files(name string) ([]byte, error) {
	text, found := map[string]string{
		"words.txt":  "lantern\r\n\nold kettle\n",
		"people.csv": "\ufeffid,name\n1,Ann\n2,\"Bo, Jr\"\n",
		"one.csv":    "id\n1\n",
		"ragged.csv": "id,name\n1\n",
		"empty.txt":  "\n",
	}[name]
	if !found {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

const get = "operations: [{name: get, weight: 1, method: GET, path: /x}]\n"

func TestVariables(t *testing.T) {
	got, err := Parse("s.yaml", []byte(get+`
variables:
  word: {file: words.txt, order: sequence}
  person: {file: people.csv, column: name, order: random}
  id: {file: one.csv}
`), files)
	if err != nil {
		t.Fatal(err)
	}
	want := []load.Variable{
		{Name: "id", Values: []string{"1"}}, {Name: "person", Values: []string{"Ann", "Bo, Jr"}},
		{Name: "word", Values: []string{"lantern", "old kettle"}, InOrder: true},
	}
	if diff := cmp.Diff(want, got.Load.Variables); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	operation := func(rest string) string { return "operations:\n  - {name: a, weight: 1, " + rest + "}\n" }
	stage := func(rest string) string { return get + "stages:\n  - {" + rest + "}\n" }
	for text, want := range map[string]string{
		"":                                   "operations has 0 requests",
		"operations: [{name: a, wieght: 1}]": "line 1: operations[0].wieght is not a known key",
		"operations: {}":                     "line 1: operations is keys and values",
		"operations:\n  - {weight: 1, method: GET, path: /}":                                   `line 2: operations[0].name is ""`,
		"operations:\n  - {name: a, method: GET, path: /}":                                     "line 2: operations[0].weight is 0",
		operation("method: get, path: /"):                                                      `line 2: operations[0].method is "get"`,
		operation("method: GET, path: x"):                                                      `line 2: operations[0].path is "x"`,
		operation(`method: GET, path: "/a b"`):                                                 `line 2: operations[0].path is "/a b"`,
		operation(`method: GET, path: "/{tem}"`):                                               "line 2: operations[0].path has {tem}, which stands for nothing here",
		operation(`method: GET, path: "/{target}"`):                                            "line 2: operations[0] has {target}, but there are no targets",
		operation(`method: GET, path: "/{made}"`):                                              "line 2: operations[0].path has {made}, but the first",
		operation(`method: GET, path: "/", expect: [99]`):                                      "line 2: operations[0].expect[0] is 99",
		operation(`method: GET, path: "/", headers: {"a b": c}`):                               `line 2: operations[0].headers has "a b"`,
		operation(`method: GET, path: "/", headers: {a: "b\nc"}`):                              `line 2: operations[0].headers has "a": "b\nc"`,
		operation(`method: GET, path: "/", headers: {a: "{b}"}`):                               "line 2: operations[0].headers has {b}",
		operation(`method: PUT, path: "/", body: "{made}"`):                                    "line 2: operations[0].body has {made}, which the path has not",
		get + "variables:\n  run: {values: [a]}":                                               "line 3: variables.run has the name of what is there anyway",
		get + "variables:\n  A: {values: [a]}":                                                 "line 3: variables.A is no name",
		get + "variables:\n  a: {}":                                                            "line 3: variables.a has to have either values or a file",
		get + "variables:\n  a: {values: [a], file: words.txt}":                                "line 3: variables.a has to have either",
		get + "variables:\n  a: {values: [a], order: backwards}":                               `line 3: variables.a.order is "backwards"`,
		get + "variables:\n  a: {values: [1]}":                                                 `line 3: variables.a.values[0] is "1"; text is wanted`,
		get + "variables:\n  a: {values: [\"a\\nb\"]}":                                         "line 3: variables.a.values has a value that is no text of one line",
		get + "variables:\n  a: {file: none.txt}":                                              "line 3: variables.a.file none.txt: file does not exist",
		get + "variables:\n  a: {file: empty.txt}":                                             "line 3: variables.a.file has 0 values",
		get + "variables:\n  a: {file: ragged.csv, column: id}":                                "line 3: variables.a.file ragged.csv: record on line 2: wrong number of fields",
		get + "variables:\n  a: {file: people.csv, column: age}":                               `line 3: variables.a.file people.csv: there is no column "age"; there are id, name`,
		get + "variables:\n  a: {file: words.txt, column: id}":                                 "line 3: variables.a.column is of no use",
		get + "targets: {count: 1}":                                                            "line 2: targets.skew is 0",
		get + "targets: {count: -1}":                                                           "line 2: targets.count is -1",
		get + "targets: {count: 1, skew: 2}":                                                   `line 2: targets.create.method is ""`,
		get + "targets:\n  count: 1\n  skew: 2\n  create: {method: POST, path: \"/{target}\"}": "line 5: targets.create.path has {target}",
		stage("rate: 0, duration: 1s"):                                                         "line 3: stages[0].rate is 0",
		stage("rate: .nan, duration: 1s"):                                                      "line 3: stages[0].rate is NaN",
		stage("rate: .inf, duration: 1s"):                                                      "line 3: stages[0].rate is +Inf",
		stage("rate: 1, duration: 1"):                                                          `line 3: stages[0].duration is "1"; a duration is wanted`,
		stage("rate: 1"):                                                                       "line 3: stages[0].duration is 0s",
		stage("rate: 1, to: 2, duration: 1s"):                                                  "line 3: stages[0].rate is given beside from or to",
		stage("from: 2, duration: 1s"):                                                         "line 3: stages[0].to is 0",
		stage("from: -2, to: 1, duration: 1s"):                                                 "line 3: stages[0].from is -2",
		stage("rate: 1, duration: 200h"):                                                       "line 3: stages[0].duration is 200h0m0s",
		stage("rate: 1, duration: 1s, warmup: true"):                                           "stages has nothing that is measured",
		get + "stages: [{rate: 1, duration: 100h}, {rate: 1, duration: 100h}]":                 "line 2: stages[1].duration makes the load longer",
		get + get: "operations is given twice, first in line 1",
	} {
		_, err := Parse("s.yaml", []byte(text), files)
		problem := fault.From(err)
		if err == nil || problem.Code != fault.ConfigInvalid || !strings.Contains(problem.Message, want) || problem.Fix == "" {
			t.Errorf("%q: got %v, want %q with a fix", text, err, want)
		}
	}
}

func TestUnreadable(t *testing.T) {
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none.yaml")} {
		if _, err := Read(path); err == nil || fault.From(err).Code != fault.ConfigUnreadable {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What is read can be sent: nothing that Parse lets pass is refused by the generator.
func FuzzParse(f *testing.F) {
	whole, err := os.ReadFile(shop)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(whole))
	f.Add(get + "stages: [{rate: 1, duration: 1s}, {from: 1, to: 2, duration: 1m}]")
	f.Add(get + "variables: {a: {file: people.csv, column: id}, b: {values: [x], order: sequence}}")
	f.Add("operations: [&a {name: x, weight: 1, method: GET, path: '/{a}'}, *a]")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse("s.yaml", []byte(text), files)
		if err != nil {
			var problem *fault.Error
			if !errors.As(err, &problem) || problem.Code != fault.ConfigInvalid || problem.Fix == "" {
				t.Fatalf("refused by %#v", err)
			}
			return
		}
		stages := got.Stages
		if len(stages) == 0 {
			stages = load.Plan{Rate: 1, Duration: time.Second}.Stages()
		}
		if err := load.Check(load.Options{URL: "http://shop", Stages: stages, Scenario: got.Load}); err != nil {
			t.Fatalf("read, but cannot be sent: %v", err)
		}
	})
}
