package cloud_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

func open(t *testing.T) *cloud.Account {
	t.Helper()
	account, err := cloud.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return account
}

func TestResources(t *testing.T) {
	t.Parallel()
	account := open(t)
	odd := "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/a/../b"
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i, id := range []string{"vpc-2", odd, "vpc-1"} {
		if err := account.Add(cloud.Resource{Type: "aws_vpc", ID: id, Made: made.Add(time.Duration(i) * time.Second), Attributes: map[string]any{
			"tags": map[string]any{"Name": id}, "port": 1000000,
		}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := account.Add(cloud.Resource{Type: "aws_vpc", ID: "vpc-1"}); !errors.Is(err, cloud.ErrExists) {
		t.Errorf("a second one of the same: %v", err)
	}
	all, err := account.List("")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, resource := range all {
		ids = append(ids, resource.ID)
	}
	if diff := cmp.Diff([]string{"vpc-2", odd, "vpc-1"}, ids); diff != "" {
		t.Error(diff)
	}
	found, there, err := account.Get("aws_vpc", odd)
	if err != nil || !there || found.Tags()["Name"] != odd || found.Text("port") != "1000000" || found.Text("none") != "" {
		t.Errorf("found %+v, %v, %v", found, there, err)
	}
	if err := account.Remove("aws_vpc", odd); err != nil {
		t.Fatal(err)
	}
	if err := account.Remove("aws_vpc", odd); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if _, there, err = account.Get("aws_vpc", odd); there || err != nil {
		t.Errorf("it is still there: %v", err)
	}
}

// TestHalf has a file that a killed process left half written beside its own.
func TestHalf(t *testing.T) {
	t.Parallel()
	account := open(t)
	if err := account.Add(cloud.Resource{Type: "aws_vpc", ID: "vpc-1"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(account.Directory(), "resources", "aws_vpc", ".HALF"), []byte(`{"type":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := account.List("aws_vpc"); err != nil || len(all) != 1 {
		t.Errorf("it lists %v, %v", all, err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	account := open(t)
	control := cloud.Control{Faults: []cloud.Fault{
		{Operation: "create", Type: "aws_vpc", Match: map[string]string{"tags.Name": "a"}, Times: 2, Code: "Two"},
		{Operation: "create", Type: "aws_eip", Code: "Always"},
		{Operation: "create", Type: "aws_eip", Late: true, Code: "Late"},
	}}
	named := map[string]any{"tags": map[string]any{"Name": "a"}}
	for i, test := range []struct {
		kind       string
		attributes map[string]any
		late       bool
		want       string
	}{
		{"aws_vpc", nil, false, ""},
		{"aws_vpc", named, false, "Two"},
		{"aws_vpc", named, false, "Two"},
		{"aws_vpc", named, false, ""},
		{"aws_eip", nil, false, "Always"},
		{"aws_eip", nil, true, "Late"},
		{"aws_subnet", nil, false, ""},
	} {
		fault, err := account.Fault(control, "create", test.kind, test.attributes, test.late)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if fault != nil {
			got = fault.Code
		}
		if got != test.want {
			t.Errorf("%d: %q, want %q", i, got, test.want)
		}
	}
	if err := account.Rearm(); err != nil {
		t.Fatal(err)
	}
	if fault, err := account.Fault(control, "create", "aws_vpc", named, false); err != nil || fault == nil {
		t.Errorf("rearmed: %v, %v", fault, err)
	}
}

// TestFaultsAtOnce spends a fault from many sides, as often as it says.
func TestFaultsAtOnce(t *testing.T) {
	t.Parallel()
	account := open(t)
	control := cloud.Control{Faults: []cloud.Fault{{Operation: "create", Times: 5, Code: "Throttling"}}}
	var met atomic.Int32
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			fault, err := account.Fault(control, "create", "aws_vpc", nil, false)
			if err != nil {
				t.Error(err)
			}
			if fault != nil {
				met.Add(1)
			}
		})
	}
	group.Wait()
	if met.Load() != 5 {
		t.Errorf("it was met %d times, want 5", met.Load())
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	account := open(t)
	control, err := account.Control()
	if err != nil || control.Account != "123456789012" || control.Region != "eu-west-1" || control.Stop != "cancel" {
		t.Errorf("without a file: %+v, %v", control, err)
	}
	if err := account.SetControl(cloud.Control{Scale: 0.5, Durations: map[string]map[string]string{"aws_vpc": {"create": "10s", "delete": "soon"}}}); err != nil {
		t.Fatal(err)
	}
	if control, err = account.Control(); err != nil || control.Account != "123456789012" {
		t.Errorf("with a file: %+v, %v", control, err)
	}
	for _, test := range []struct {
		kind, operation string
		want            time.Duration
		fails           bool
	}{
		{"aws_vpc", "create", 5 * time.Second, false},
		{"aws_vpc", "update", 30 * time.Second, false},
		{"aws_vpc", "delete", 0, true},
	} {
		got, err := control.Wait(test.kind, test.operation, time.Minute)
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("%s of %s takes %s, %v", test.operation, test.kind, got, err)
		}
	}
	if err := os.WriteFile(filepath.Join(account.Directory(), "control.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := account.Control(); err == nil {
		t.Error("half a file is read as one")
	}
}
