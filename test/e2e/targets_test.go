package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// everythingIsScraped looks whether Prometheus gets what exporters, probes, the ingress
// and the controllers tell, and whether a smoke test from within is told of.
func everythingIsScraped(t *testing.T, box *harness.Sandbox) {
	var status struct {
		Endpoints, Absent map[string]string
	}
	if err := json.Unmarshal([]byte(box.Must(box.Pocctl("status", "-o", "json"))), &status); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"grafana", "loki", "tempo", "otel-collector"} {
		if status.Absent[part] == "" {
			t.Errorf("status doesn't say that there is no %s", part)
		}
	}
	prometheus := status.Endpoints["prometheus"]
	for query, want := range map[string]float64{
		`count(up{job="backend"} == 1)`:                                          3,
		`count(up{job=~"postgres|redis|ingress|argo-rollouts|prometheus"} == 1)`: 5,
		`count(up{job="probe"} == 1)`:                                            2,
		`count(up == 0) or vector(0)`:                                            0,
		`count(probe_success == 1)`:                                              2,
		`pg_up + on () redis_up`:                                                 2,
		`min(pg_scrape_collector_success)`:                                       1,
		`count(pg_settings_max_connections > 0)`:                                 1,
		`sum(pg_stat_activity_count{datname="backend"}) > bool 0`:                1,
		`sum(nginx_ingress_controller_requests{ingress="backend"}) > bool 0`:     1,
		`count(rollout_info{name="backend"}) > bool 0`:                           1,
		`count(kube_cronjob_created{cronjob="backend-smoke"})`:                   1,
	} {
		box.Eventually(30*time.Second, query, func() (bool, string) {
			got, err := scalar(prometheus, query)
			return err == nil && got == want, fmt.Sprintf("%v, %v, want %v", got, err, want)
		})
	}

	box.Must(box.Kubectl("-n", "pocctl", "create", "job", "smoke-now", "--from=cronjob/backend-smoke"))
	const since = `time() - kube_cronjob_status_last_successful_time{cronjob="backend-smoke"}`
	box.Eventually(90*time.Second, "the smoke test from within to be told of", func() (bool, string) {
		age, err := scalar(prometheus, since)
		if err == nil && age < 300 {
			return true, ""
		}
		return false, fmt.Sprint(age, " ", err, " ", box.Kubectl("-n", "pocctl", "logs", "job/smoke-now").Stdout)
	})
}

// scalar asks Prometheus for one number.
func scalar(prometheus, query string) (float64, error) {
	response, err := http.Get(prometheus + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if len(answer.Data.Result) != 1 {
		return 0, fmt.Errorf("%d series", len(answer.Data.Result))
	}
	return strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
}
