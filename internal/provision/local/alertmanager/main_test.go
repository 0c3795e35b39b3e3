//go:build linux && !slim

package alertmanager_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/provision/local/alertmanager"
)

const routes = `route:
  receiver: everything
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes:
    - {matchers: ['severity="ticket"'], receiver: everything, mute_time_intervals: [always]}
receivers:
  - {name: everything, webhook_configs: [{url: %q}]}
time_intervals:
  - {name: always, time_intervals: [{times: [{start_time: "00:00", end_time: "24:00"}]}]}
`

// heard is a notification, as far as the test looks at it.
type heard struct {
	Status string
	Alerts []struct {
		Labels map[string]string
	}
}

// receiver gives what it is sent.
func receiver(t *testing.T) (url string, came <-chan heard) {
	t.Helper()
	all := make(chan heard, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var one heard
		if err := json.NewDecoder(r.Body).Decode(&one); err != nil {
			t.Errorf("a notification: %v", err)
		}
		all <- one
	}))
	t.Cleanup(server.Close)
	return server.URL, all
}

// started runs Alertmanager with a configuration, and gives its root, and what ends it.
func started(t *testing.T, directory, configuration string) (root string, end func()) {
	t.Helper()
	file := filepath.Join(directory, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	_, port, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- alertmanager.Main(ctx, alertmanager.Options{
			Args: []string{
				"--config.file=" + file, "--storage.path=" + filepath.Join(directory, "data"),
				"--web.listen-address=0.0.0.0:" + port, "--web.external-url=http://" + address + "/alertmanager",
			},
			Address: "127.0.0.1", Log: t.Output(),
		})
	}()
	root = "http://" + address + "/alertmanager"
	eventually(t, "Alertmanager is ready", func() bool {
		return ask(t, http.MethodGet, root+"/-/ready", "") == http.StatusOK
	})
	return root, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Alertmanager ended: %v", err)
		}
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("not so after a minute: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// ask gives a status; 0 where nobody answers.
func ask(t *testing.T, method, url, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer.StatusCode
}

// tell sends an alert as Prometheus does.
func tell(t *testing.T, root, name, severity string, ends time.Time) {
	t.Helper()
	body := fmt.Sprintf(`[{"labels":{"alertname":%q,"severity":%q},"annotations":{"summary":"s"},"startsAt":"2026-01-01T00:00:00Z","endsAt":%q}]`,
		name, severity, ends.UTC().Format(time.RFC3339))
	if status := ask(t, http.MethodPost, root+"/api/v2/alerts", body); status != http.StatusOK {
		t.Fatalf("an alert is answered with %d", status)
	}
}

func next(t *testing.T, came <-chan heard, status, name string) {
	t.Helper()
	select {
	case one := <-came:
		if one.Status != status || len(one.Alerts) != 1 || one.Alerts[0].Labels["alertname"] != name {
			t.Fatalf("%+v came, want %s %s", one, name, status)
		}
	case <-time.After(time.Minute):
		t.Fatalf("nothing came, want %s %s", name, status)
	}
}

func TestAnAlertReachesItsReceiverAndResolves(t *testing.T) {
	url, came := receiver(t)
	directory := t.TempDir()
	root, end := started(t, directory, fmt.Sprintf(routes, url))
	tell(t, root, "Muted", "ticket", time.Now().Add(time.Hour)) // it is always maintenance for tickets
	tell(t, root, "Slow", "page", time.Now().Add(time.Hour))
	next(t, came, "firing", "Slow")
	tell(t, root, "Slow", "page", time.Now().Add(-time.Second))
	next(t, came, "resolved", "Slow")

	silence := fmt.Sprintf(`{"matchers":[{"name":"alertname","value":"Quiet","isRegex":false,"isEqual":true}],"startsAt":%q,"endsAt":%q,"createdBy":"t","comment":"c"}`,
		time.Now().UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	if status := ask(t, http.MethodPost, root+"/api/v2/silences", silence); status != http.StatusOK {
		t.Fatalf("a silence is answered with %d", status)
	}
	end()

	// The silence is known the next time.
	root, end = started(t, directory, fmt.Sprintf(routes, url))
	tell(t, root, "Quiet", "page", time.Now().Add(time.Hour))
	tell(t, root, "Loud", "page", time.Now().Add(time.Hour))
	next(t, came, "firing", "Loud")
	end()
	if len(came) > 0 {
		t.Errorf("this came, too: %+v", <-came)
	}
}

func TestAConfigurationThatCannotBeUsedIsRefused(t *testing.T) {
	url, came := receiver(t)
	directory := t.TempDir()
	root, end := started(t, directory, fmt.Sprintf(routes, url))
	file := filepath.Join(directory, "alertmanager.yml")
	if err := os.WriteFile(file, []byte("route: {receiver: nobody}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status := ask(t, http.MethodPost, root+"/-/reload", ""); status != http.StatusInternalServerError {
		t.Errorf("a reload of a broken file is answered with %d", status)
	}
	tell(t, root, "Slow", "page", time.Now().Add(time.Hour)) // the one before is in force
	next(t, came, "firing", "Slow")
	if err := os.WriteFile(file, []byte(strings.Replace(fmt.Sprintf(routes, url), "group_by: [alertname]", "group_by: [severity]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if status := ask(t, http.MethodPost, root+"/-/reload", ""); status != http.StatusOK {
		t.Errorf("a reload is answered with %d", status)
	}
	end()

	for _, args := range [][]string{{"--nonsense"}, {"more"}, {"--cluster.listen-address=:9094"}, {"--log.level=loud"}, {"--config.file=" + filepath.Join(directory, "none.yml")}} {
		var log bytes.Buffer
		args = append([]string{"--storage.path=" + directory}, args...)
		if err := alertmanager.Main(t.Context(), alertmanager.Options{Args: args, Log: &log}); err == nil || !strings.Contains(err.Error(), "start Alertmanager") {
			t.Errorf("%v: %v", args, err)
		}
	}
}
