// Package deploytest checks internal/deploy against a real cluster. The
// end-to-end suite runs it on the local environment; any other cluster serves
// as well:
//
//	POCCTL_TEST_KUBECONFIG=… POCCTL_TEST_IMAGE=… go test -tags cluster ./internal/deploy/deploytest
package deploytest

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/deploy/watch"
	"github.com/pocctl/pocctl/internal/fault"
)

//go:embed all:chart
var files embed.FS

// Cluster is where the suite runs, and what it runs there.
type Cluster struct {
	Config *rest.Config
	// Image is one that the cluster can run.
	Image string
	// Serve makes it listen on port 8080 of its pod's address, Succeed end with
	// exit code 0, and Fail print something and end with another code.
	Serve, Succeed, Fail []string
}

// Run runs the suite.
func Run(t *testing.T, cluster Cluster) {
	for name, check := range map[string]func(*testing.T, *bench){
		"Lifecycle":   lifecycle,
		"CrashLoop":   crashLoop,
		"FailingHook": failingHook,
		"Missing":     missingSecret,
		"Deadline":    deadline,
		"Cancel":      cancelled,
		"Pending":     pending,
		"Refused":     refused,
		"Stuck":       stuckStatefulSet,
		"Secret":      secretKept,
		"Charts":      chartsAccepted,
		"Definitions": definitionsFirst,
	} {
		t.Run(name, func(t *testing.T) { check(t, newBench(t, cluster)) })
	}
}

// bench is one check's own namespace and client.
type bench struct {
	*deploy.Client
	cluster  Cluster
	release  deploy.Release
	progress *recorder
}

func newBench(t *testing.T, cluster Cluster) *bench {
	t.Helper()
	namespace := strings.ToLower(t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]) + fmt.Sprint(time.Now().UnixMilli()%100000)
	client, err := deploy.New(deploy.Options{
		Config: cluster.Config, Namespace: namespace,
		Limits: watch.Limits{Restarts: 1, Grace: 2 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	chart, err := fs.Sub(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := deploy.LoadChart(chart, "chart")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		background := metav1.DeletePropagationBackground
		err := client.Kubernetes().CoreV1().Namespaces().Delete(context.Background(), namespace, metav1.DeleteOptions{PropagationPolicy: &background})
		if err != nil {
			t.Errorf("delete namespace %s: %v", namespace, err)
		}
	})
	return &bench{
		Client: client, cluster: cluster, progress: &recorder{t: t},
		release: deploy.Release{Name: "probe", Namespace: namespace, Chart: loaded, Timeout: 90 * time.Second},
	}
}

// upsert deploys with the values given as name, value pairs.
func (b *bench) upsert(ctx context.Context, values ...any) error {
	b.release.Values = map[string]any{"image": b.cluster.Image, "args": b.cluster.Serve}
	for i := 0; i+1 < len(values); i += 2 {
		b.release.Values[values[i].(string)] = values[i+1]
	}
	started := time.Now()
	defer func() { b.progress.t.Logf("upsert took %s", time.Since(started).Round(time.Millisecond)) }()
	return b.Upsert(ctx, b.release, b.progress)
}

func (b *bench) mustUpsert(t *testing.T, values ...any) {
	t.Helper()
	if err := b.upsert(t.Context(), values...); err != nil {
		t.Fatalf("upsert: %v", err)
	}
}

func (b *bench) statuses(t *testing.T) []string {
	t.Helper()
	history, err := b.History(t.Context(), b.release.Namespace, b.release.Name)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, 0, len(history))
	for _, revision := range history {
		all = append(all, revision.Status)
	}
	return all
}

// wantFault checks the code and that the message names all of parts.
func wantFault(t *testing.T, err error, code fault.Code, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", code)
	}
	shown := fault.From(err)
	t.Logf("%s\n%s\nfix: %s", shown.Code, shown.Message, shown.Fix)
	if shown.Code != code {
		t.Fatalf("code %s, want %s", shown.Code, code)
	}
	for _, part := range parts {
		if !strings.Contains(shown.Message+shown.Fix, part) {
			t.Errorf("it does not say %q", part)
		}
	}
}

type recorder struct {
	t     *testing.T
	mutex sync.Mutex
	lines []string
}

func (r *recorder) add(kind, format string, args ...any) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	line := kind + " " + fmt.Sprintf(format, args...)
	r.lines = append(r.lines, line)
	r.t.Log(line)
}

func (r *recorder) Waiting(format string, args ...any) { r.add("waiting:", format, args...) }
func (r *recorder) Info(format string, args ...any)    { r.add("info:", format, args...) }

func (r *recorder) has(part string) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return strings.Contains(strings.Join(r.lines, "\n"), part)
}
