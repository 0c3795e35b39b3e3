package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

const ownEnvironment = `kind: local
namespace: team
images:
  ` + greeterImage + `: {program: greeter}
releases:
  - name: greeter
    chart: ./chart
    timeout: 60s
    values: {name: everyone}
`

// TestOwnImage is a team's inner loop: its own chart, its own binary, no image;
// build, deploy, look, and again.
func TestOwnImage(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	if err := os.CopyFS(filepath.Join(box.Home, "chart"), os.DirFS("testdata/greeter/chart")); err != nil {
		t.Fatal(err)
	}
	box.Env = box.Write("team.yaml", ownEnvironment)

	t.Run("a program that is not built is refused before anything is made", func(t *testing.T) {
		result := box.For(t).Pocctl("up", "-o", "json")
		refused := parse(t, result.Stdout)
		if result.Exit != 2 || refused.Error == nil || refused.Error.Code != "program-unusable" ||
			!strings.Contains(refused.Error.Message, greeterImage) {
			t.Errorf("exit %d, %+v", result.Exit, refused.Error)
		}
		if left := box.Processes(); len(left) > 0 {
			t.Errorf("it was started nevertheless: %v", left)
		}
	})

	buildGreeter(t, box, "hello")
	up := parse(t, box.Must(box.Pocctl("up", "-o", "json")))
	url := up.Endpoints["app"] + "/greeter"
	if said := get(t, url); !strings.HasPrefix(said, "hello, everyone, from greeter-") {
		t.Fatalf("it says %q", said)
	}
	image := box.Must(box.Kubectl("get", "pods", "-n", "team", "-o", "jsonpath={.items[0].status.containerStatuses[0].image}"))
	if image != greeterImage+":1" {
		t.Errorf("the pod runs image %s", image)
	}

	t.Run("another time of the same program changes nothing", func(t *testing.T) {
		box := box.For(t)
		later := time.Now().Add(time.Minute)
		if err := os.Chtimes(filepath.Join(box.Home, "greeter"), later, later); err != nil {
			t.Fatal(err)
		}
		again := parse(t, box.Must(box.Pocctl("deploy", "-o", "json")))
		if detail := again.step(t, "deploy/greeter"); !strings.Contains(detail, "already so") {
			t.Errorf("deploy/greeter ran again: %s", detail)
		}
		if plan := box.Must(box.Pocctl("plan")); !strings.Contains(plan, "no change") {
			t.Errorf("the plan sees a change:\n%s", plan)
		}
	})
	t.Run("a rebuilt program is served after deploy", func(t *testing.T) {
		box := box.For(t)
		buildGreeter(t, box, "welcome")
		if plan := box.Must(box.Pocctl("plan", "--diff")); !strings.Contains(plan, "deployment/greeter") || !strings.Contains(plan, "pocctl.dev/fingerprint") {
			t.Errorf("the plan does not tell:\n%s", plan)
		}
		box.Must(box.Pocctl("deploy"))
		for range 10 { // every pod, not one of them
			if said := get(t, url); !strings.HasPrefix(said, "welcome, everyone") {
				t.Fatalf("it says %q", said)
			}
		}
	})
	t.Run("and goes on after a restart of the cluster", func(t *testing.T) {
		box := box.For(t)
		box.Must(box.Pocctl("down", "--keep-data"))
		up := parse(t, box.Must(box.Pocctl("up", "-o", "json")))
		if said := get(t, up.Endpoints["app"]+"/greeter"); !strings.HasPrefix(said, "welcome, everyone") {
			t.Errorf("it says %q", said)
		}
	})
}

// get gives the body of a request that must be answered with 200.
func get(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %s: %s %v", url, response.Status, body, err)
	}
	return string(body)
}
