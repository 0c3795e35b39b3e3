package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const shopScenario = "../../test/perf/scenarios/shop.yaml"

func TestVerifyIsRefused(t *testing.T) {
	alone(t)
	folder := t.TempDir()
	bare := environmentFile(t, "")
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--slo=false"}, 2, "there is nothing to verify: give --slo, --dashboards or --alerts"},
		{[]string{"--page", filepath.Join(folder, "none", "page.html")}, 2, "there is no folder " + filepath.Join(folder, "none")},
		{[]string{"--dashboards", "--page", filepath.Join(folder, "none", "page.html")}, 2, "there is no folder " + filepath.Join(folder, "none")},
		{[]string{"--profile", "heavy"}, 2, "there is no profile \"heavy\": use one of steady, spike, soak, full"},
		{[]string{"--profile", "spike", "--duration", "5s"}, 2, "--duration is of no use beside stages: spike says how the load goes"},
		{[]string{"--scenario", filepath.Join(folder, "none.yaml")}, 2, "read " + filepath.Join(folder, "none.yaml")},
		{[]string{"--scenario", shopScenario, "--rate", "5"}, 2, "--rate is of no use beside stages"},
		{[]string{"--scenario", shopScenario, "--profile", "soak"}, 2, "has stages of its own"},
		{[]string{"--junit", folder}, 2, "which is a folder: give a file"},
		{[]string{"--dashboards", "--page", folder}, 2, "which is a folder: give a file"},
		{[]string{"--dashboards", "--env", bare}, 2, "endpoints.prometheus is missing, so there is nobody to ask for the dashboards' data fix write where Prometheus is, for example endpoints: {prometheus: $(INGRESS_URL)/prometheus} code config-invalid"},
		{[]string{"--env", bare}, 2, "load.path is missing"},
		{[]string{"--slo", "--dashboards", "--env", bare}, 2, "load.path is missing"},
		{[]string{"--alerts", "--env", bare}, 2, "nothing may be broken on purpose in environment"},
		{[]string{"--dashboards"}, 1, "environment local is not up"},
		{[]string{"--alerts"}, 1, "environment local is not up"},
	} {
		stdout, stderr, code := typed(t, append([]string{"verify"}, test.args...)...)
		if got := strings.Join(strings.Fields(stderr), " "); code != test.code || !strings.Contains(strings.ReplaceAll(got, " ", ""), strings.ReplaceAll(test.want, " ", "")) || test.code == 2 && stdout != "" {
			t.Errorf("%v: exit %d, want %d\nstdout %q\nstderr %q\nlacks  %q", test.args, code, test.code, stdout, stderr, test.want)
		}
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("it left %v, %v", entries, err)
	}
}
