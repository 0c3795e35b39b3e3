package inbox_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/inbox"
)

const firing = `{"version":"4","receiver":"page","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"LatencyHigh","severity":"page","job":"backend"},
	"annotations":{"summary":"p95 is over 300 ms","description":"<b>slow</b>","runbook_url":"https://example.test/latency-high.md"},"startsAt":"2026-11-28T10:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f1"}]}`

// served is a handler with a clock that goes on by a second with each request.
func served(t *testing.T, most int) (*inbox.Box, func(method, path, body string) *httptest.ResponseRecorder) {
	t.Helper()
	box, now := inbox.NewBox(most), time.Date(2026, 11, 28, 10, 0, 5, 0, time.UTC)
	handler := inbox.Handler(box, "/alerts", slog.New(slog.DiscardHandler), func() time.Time {
		now = now.Add(time.Second)
		return now
	})
	return box, func(method, path, body string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
		return answer
	}
}

func TestAnAlertComesAndGoes(t *testing.T) {
	_, send := served(t, 10)
	for range 2 { // Alertmanager repeats itself
		if answer := send(http.MethodPost, "/receive", firing); answer.Code != http.StatusOK {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
	}
	list := read(t, send(http.MethodGet, "/alerts/alerts.json", ""))
	if len(list.Alerts) != 1 || list.Schema != inbox.Schema {
		t.Fatalf("%+v", list)
	}
	if got := list.Alerts[0]; got.Name != "LatencyHigh" || got.Severity != "page" || got.Receiver != "page" || got.Resolved != nil || got.Received.Sub(got.Started) != 6*time.Second {
		t.Errorf("%+v", got)
	}
	page := send(http.MethodGet, "/alerts/", "")
	for _, want := range []string{"One alert fires", "LatencyHigh", "p95 is over 300 ms", "&lt;b&gt;slow", "latency-high.md"} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page doesn't tell %q", want)
		}
	}
	if policy := page.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy %q", policy)
	}

	over := strings.ReplaceAll(firing, `"status":"firing"`, `"status":"resolved"`)
	send(http.MethodPost, "/receive", over)
	list = read(t, send(http.MethodGet, "/alerts/alerts.json", ""))
	if len(list.Alerts) != 1 || list.Alerts[0].Resolved == nil || !list.Alerts[0].Resolved.After(list.Alerts[0].Received) {
		t.Errorf("%+v", list)
	}
	if page := send(http.MethodGet, "/alerts", ""); !strings.Contains(page.Body.String(), "Nothing fires") {
		t.Error("the page says that something fires")
	}

	again := strings.ReplaceAll(firing, "10:00:00Z", "11:00:00Z")
	send(http.MethodPost, "/receive", again)
	list = read(t, send(http.MethodGet, "/alerts/alerts.json", ""))
	if len(list.Alerts) != 2 || list.Alerts[0].Resolved != nil || list.Alerts[1].Resolved == nil {
		t.Errorf("what fires doesn't come first: %+v", list)
	}
}

func TestTheOldestAreForgotten(t *testing.T) {
	box, send := served(t, 2)
	for _, print := range []string{"a", "b", "c"} {
		send(http.MethodPost, "/receive", strings.ReplaceAll(firing, `"f1"`, `"`+print+`"`))
	}
	if list := box.List(); len(list.Alerts) != 2 || list.Alerts[0].Fingerprint != "c" || list.Alerts[1].Fingerprint != "b" {
		t.Errorf("%+v", list)
	}
}

func TestWhatIsNoNotificationIsRefused(t *testing.T) {
	tests := map[string]struct {
		body   string
		status int
		says   string
	}{
		"no JSON":         {"alert!", http.StatusBadRequest, "no notification"},
		"another version": {strings.Replace(firing, `"4"`, `"5"`, 1), http.StatusBadRequest, `version "5"`},
		"no alert":        {`{"version":"4","receiver":"page","alerts":[]}`, http.StatusBadRequest, "no alert"},
		"no name":         {strings.Replace(firing, `"alertname"`, `"name"`, 1), http.StatusBadRequest, "alert 1"},
		"too large":       {`{"version":"4","receiver":"` + strings.Repeat("x", 5<<20) + `"}`, http.StatusRequestEntityTooLarge, "too large"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			box, send := served(t, 10)
			answer := send(http.MethodPost, "/receive", test.body)
			if answer.Code != test.status || !strings.Contains(answer.Body.String(), test.says) {
				t.Errorf("%d %s, want %d that says %q", answer.Code, answer.Body, test.status, test.says)
			}
			if len(box.List().Alerts) > 0 {
				t.Error("it was taken all the same")
			}
		})
	}
}

func read(t *testing.T, answer *httptest.ResponseRecorder) inbox.List {
	t.Helper()
	var list inbox.List
	if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil {
		t.Fatalf("%d %s: %v", answer.Code, answer.Body, err)
	}
	return list
}
