package terraform

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
)

// open writes a root module and opens it with this machine's Terraform, or one that
// is fetched.
func open(t *testing.T, configuration string) *Root {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := Find(t.Context(), FindOptions{Directory: filepath.Join(cache, "pocctl-test"), Fetch: true})
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	if err := Write(directory, fstest.MapFS{"main.tf": {Data: []byte(configuration)}}); err != nil {
		t.Fatal(err)
	}
	root, err := Open(Options{
		Binary: binary, Environment: "staging", Directory: directory, Data: filepath.Join(t.TempDir(), "data"),
		Parallel: 10, Patience: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := root.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return root
}

// planAndApply gives the events of an apply.
func planAndApply(t *testing.T, root *Root, options PlanOptions) []Event {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan")
	if err := root.Plan(t.Context(), file, options); err != nil {
		t.Fatal(err)
	}
	var events []Event
	if err := root.Apply(t.Context(), file, func(e Event) { events = append(events, e) }); err != nil {
		t.Fatal(err)
	}
	return events
}

const two = `
resource "terraform_data" "a" { input = terraform.workspace }
resource "terraform_data" "b" { input = terraform_data.a.output }
output "name" { value = terraform_data.b.output }
`

func TestRoot(t *testing.T) {
	root := open(t, two)
	var kinds []string
	for _, event := range planAndApply(t, root, PlanOptions{}) {
		if event.Kind != Planned {
			kinds = append(kinds, string(event.Kind)+" "+event.Address)
		}
	}
	want := []string{"apply_start terraform_data.a", "apply_complete terraform_data.a", "apply_start terraform_data.b", "apply_complete terraform_data.b"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	outputs, err := root.Outputs(t.Context())
	if err != nil || string(outputs["name"]) != `"staging"` { // its own workspace
		t.Errorf("outputs %s, %v", outputs["name"], err)
	}
	dot, err := root.Graph(t.Context())
	if err != nil || !strings.Contains(dot, `"terraform_data.b" -> "terraform_data.a";`) {
		t.Errorf("graph %s, %v", dot, err)
	}
	if err := root.Init(t.Context()); err != nil { // finds its workspace again
		t.Fatal(err)
	}
	addresses, err := root.Addresses(t.Context())
	if err != nil || !slices.Equal(addresses, []string{"terraform_data.a", "terraform_data.b"}) {
		t.Errorf("addresses %v, %v", addresses, err)
	}

	planAndApply(t, root, PlanOptions{Destroy: true})
	if addresses, err = root.Addresses(t.Context()); err != nil || len(addresses) != 0 {
		t.Errorf("left after destroy: %v, %v", addresses, err)
	}
}

// TestInterrupted ends the context while one of two resources that follow each other
// is being made: Terraform finishes that, begins no other, and keeps both in mind.
func TestInterrupted(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "go")
	root := open(t, `
resource "terraform_data" "slow" {
  provisioner "local-exec" { command = "trap '' INT; until test -e `+mark+`; do sleep 0.02; done" }
}
resource "terraform_data" "after" { input = terraform_data.slow.id }
`)
	file := filepath.Join(t.TempDir(), "plan")
	if err := root.Plan(t.Context(), file, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	err := root.Apply(ctx, file, func(event Event) {
		if event.Kind == Began {
			interrupt()
			if err := os.WriteFile(mark, nil, 0o600); err != nil {
				t.Error(err)
			}
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	addresses, err := root.Addresses(t.Context())
	if err != nil || !slices.Equal(addresses, []string{"terraform_data.slow"}) {
		t.Errorf("the state holds %v, %v", addresses, err)
	}
	planAndApply(t, root, PlanOptions{}) // goes on, unlocked
	if addresses, err = root.Addresses(t.Context()); err != nil || len(addresses) != 2 {
		t.Errorf("after going on: %v, %v", addresses, err)
	}
}

// TestStale applies a plan of a state that is no more.
func TestStale(t *testing.T) {
	root := open(t, two)
	file := filepath.Join(t.TempDir(), "plan")
	if err := root.Plan(t.Context(), file, PlanOptions{NoLock: true}); err != nil {
		t.Fatal(err)
	}
	planAndApply(t, root, PlanOptions{})
	var failure *Failure
	if err := root.Apply(t.Context(), file, nil); !errors.As(err, &failure) || !failure.Stale() || failure.Passing() {
		t.Errorf("got %v", err)
	}
}

func TestApplyFails(t *testing.T) {
	root := open(t, `
resource "terraform_data" "good" {}
resource "terraform_data" "bad" {
  provisioner "local-exec" { command = "echo quota >&2; exit 4" }
}
`)
	file := filepath.Join(t.TempDir(), "plan")
	if err := root.Plan(t.Context(), file, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	err := root.Apply(t.Context(), file, nil)
	problem := fault.From(err)
	if problem == nil || problem.Code != fault.ApplyFailed || !strings.Contains(problem.Message, "1 resource was not made") || !strings.Contains(problem.Message, "terraform_data.bad") {
		t.Fatalf("got %v", err)
	}
	var failure *Failure
	if !errors.As(err, &failure) || failure.Passing() {
		t.Errorf("it is tried again: %v", err)
	}
}

func TestWrite(t *testing.T) {
	directory := t.TempDir()
	first := fstest.MapFS{"roots/a/main.tf": {Data: []byte("1")}, "old/main.tf": {Data: []byte("2")}, "roots/a/.terraform/big": {Data: []byte("3")}, ".hidden": {Data: []byte("4")}}
	if err := Write(directory, first); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"roots/a", "old"} {
		if err := os.WriteFile(filepath.Join(directory, name, lockName), []byte("sums"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(directory, fstest.MapFS{"roots/a/main.tf": {Data: []byte("5")}}); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err := filepath.WalkDir(directory, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		name, _ = filepath.Rel(directory, name)
		got[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"roots/a/main.tf": "5", "roots/a/" + lockName: "sums"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	root := open(t, two)
	if err := os.WriteFile(filepath.Join(root.options.Directory, "bad.tf"), []byte(`resource "terraform_data" "a" {}`), 0o600); err != nil {
		t.Fatal(err)
	}
	err := root.Plan(t.Context(), filepath.Join(t.TempDir(), "plan"), PlanOptions{})
	if problem := fault.From(err); problem == nil || problem.Code != fault.TerraformFailed || !strings.Contains(problem.Message, "Duplicate resource") || !strings.Contains(problem.Message, "main.tf, line 2)") {
		t.Errorf("got %v", err)
	}
}

// TestLocked plans while another Terraform holds the state.
func TestLocked(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "go")
	root := open(t, `
resource "terraform_data" "slow" {
  provisioner "local-exec" { command = "until test -e `+mark+`; do sleep 0.02; done" }
}
`)
	file := filepath.Join(t.TempDir(), "plan")
	if err := root.Plan(t.Context(), file, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- root.Apply(t.Context(), file, func(event Event) {
			if event.Kind == Began {
				close(begun)
			}
		})
	}()
	select {
	case <-begun:
	case err := <-ended:
		t.Fatalf("the apply ended first: %v", err)
	}
	err := root.Plan(t.Context(), filepath.Join(t.TempDir(), "plan"), PlanOptions{})
	if problem := fault.From(err); problem == nil || problem.Code != fault.StateLocked {
		t.Errorf("got %v", err)
	}
	if err := root.Plan(t.Context(), filepath.Join(t.TempDir(), "plan"), PlanOptions{NoLock: true}); err != nil {
		t.Errorf("a plan to look at is refused: %v", err)
	}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestOutlives is a run that goes away in the middle of an apply: its Terraform ends
// what it has begun and keeps the state, and the next run waits for it.
func TestOutlives(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "go")
	root := open(t, `
resource "terraform_data" "slow" {
  provisioner "local-exec" { command = "until test -e `+mark+`; do sleep 0.02; done" }
}
resource "terraform_data" "after" { input = terraform_data.slow.id }
`)
	if there, err := root.Await(t.Context(), nil); there || err != nil {
		t.Fatalf("before any apply: %v, %v", there, err)
	}
	file := filepath.Join(t.TempDir(), "plan")
	if err := root.Plan(t.Context(), file, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	killed := exec.Command(os.Args[0], "-test.run=^TestApplyAndDie$")
	killed.Env = append(os.Environ(), "POCCTL_TEST_PLAN="+file, "POCCTL_TEST_ROOT="+root.options.Directory,
		"POCCTL_TEST_DATA="+root.options.Data, "POCCTL_TEST_TERRAFORM="+root.options.Binary.Path)
	if said, err := killed.CombinedOutput(); killed.ProcessState.Success() || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("it was to be killed: %v\n%s", err, said)
	}
	if addresses, err := root.Addresses(t.Context()); err != nil || len(addresses) != 0 {
		t.Errorf("too soon: %v, %v", addresses, err)
	}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var ended []string
	there, err := root.Await(t.Context(), func(event Event) {
		if event.Kind == Ended {
			ended = append(ended, event.Address)
		}
	})
	if !there || err != nil || !slices.Equal(ended, []string{"terraform_data.slow", "terraform_data.after"}) {
		t.Errorf("found %v, %v, ended %v", there, err, ended)
	}
	if addresses, err := root.Addresses(t.Context()); err != nil || len(addresses) != 2 {
		t.Errorf("the state holds %v, %v", addresses, err)
	}
	if there, err := root.Await(t.Context(), nil); there || err != nil {
		t.Errorf("at the end: %v, %v", there, err)
	}
}

// TestApplyAndDie is the run of TestOutlives that is killed.
func TestApplyAndDie(t *testing.T) {
	plan := os.Getenv("POCCTL_TEST_PLAN")
	if plan == "" {
		return // by itself it tests nothing
	}
	root, err := Open(Options{
		Binary: Binary{Path: os.Getenv("POCCTL_TEST_TERRAFORM")}, Environment: "staging", Directory: os.Getenv("POCCTL_TEST_ROOT"),
		Data: os.Getenv("POCCTL_TEST_DATA"), Parallel: 10, Patience: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	t.Fatal(root.Apply(t.Context(), plan, func(event Event) {
		if event.Kind == Began {
			_ = self.Kill()
		}
	}))
}
