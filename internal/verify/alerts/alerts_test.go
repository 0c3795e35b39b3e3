package alerts_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/pocctl/pocctl/internal/inbox"
	"github.com/pocctl/pocctl/internal/verify/alerts"
)

// world is a receiver that tells of a fault a while after it is made, and of its end
// a while after that.
type world struct {
	alert              string
	fires, resolves    time.Duration
	silent, stuck      bool
	makeErr, endErr    error
	mu                 sync.Mutex
	made, ended        time.Time
	firesFrom          time.Time // before anything is made
	makes, ends, asked int
}

func (w *world) drill(name string) alerts.Drill {
	return alerts.Drill{
		Name: name, Alerts: []string{w.alert},
		Make: func(context.Context) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.makes++
			w.made = time.Now()
			return w.makeErr
		},
		End: func(ctx context.Context) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ends++
			w.ended = time.Now()
			return errors.Join(w.endErr, ctx.Err())
		},
	}
}

func (w *world) list() []inbox.Alert {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	now := time.Now()
	one := inbox.Alert{Name: w.alert, Severity: "page", Drill: "20", Annotations: map[string]string{"summary": "s"}}
	real := inbox.Alert{Name: w.alert, Severity: "page"} // no exercise: nobody minds it
	switch {
	case !w.firesFrom.IsZero() && w.made.IsZero():
		one.Received = w.firesFrom
		return []inbox.Alert{real, one}
	case w.silent || w.made.IsZero() || now.Before(w.made.Add(w.fires)):
		return []inbox.Alert{real}
	}
	one.Received = w.made.Add(w.fires)
	if over := w.ended.Add(w.resolves); !w.stuck && !w.ended.IsZero() && !now.Before(over) {
		one.Resolved = &over
	}
	return []inbox.Alert{real, one}
}

func run(ctx context.Context, worlds ...*world) ([]alerts.Outcome, error) {
	lanes := make([][]alerts.Drill, len(worlds))
	for i, w := range worlds {
		lanes[i] = []alerts.Drill{w.drill(strings.ToLower(w.alert))}
	}
	return alerts.Run(ctx, alerts.Options{
		Lanes: lanes, Fires: time.Minute, Resolves: time.Minute,
		Inbox: func(context.Context) (inbox.List, error) {
			var all []inbox.Alert
			for _, w := range worlds {
				all = append(all, w.list()...)
			}
			return inbox.List{Schema: inbox.Schema, Alerts: all}, nil
		},
	})
}

func TestDrills(t *testing.T) {
	tests := map[string]struct {
		world   *world
		verdict alerts.Verdict
		detail  string
		makes   int
	}{
		"proved":           {&world{alert: "A", fires: 20 * time.Second, resolves: 10 * time.Second}, alerts.Proved, "", 1},
		"nobody is told":   {&world{alert: "A", silent: true}, alerts.Silent, "within 1m0s", 1},
		"it doesn't end":   {&world{alert: "A", fires: time.Second, stuck: true}, alerts.Stuck, "1m0s after the fault was gone", 1},
		"can't be made":    {&world{alert: "A", makeErr: errors.New("refused")}, alerts.Broken, "refused", 1},
		"can't be ended":   {&world{alert: "A", fires: time.Second, endErr: errors.New("away")}, alerts.Broken, "taken back: away", 1},
		"it fires already": {&world{alert: "A", firesFrom: time.Unix(1, 0)}, alerts.Broken, "fired before", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found, err := run(t.Context(), test.world)
				if err != nil || len(found) != 1 {
					t.Fatalf("%v, %v", found, err)
				}
				got := found[0]
				if got.Verdict != test.verdict || !strings.Contains(got.Detail, test.detail) || test.world.makes != test.makes || test.world.ends != test.makes {
					t.Errorf("%+v, made %d times and ended %d times", got, test.world.makes, test.world.ends)
				}
				if wanting := alerts.Wanting(found); (len(wanting) == 0) != (test.verdict == alerts.Proved) {
					t.Errorf("wanting: %q", wanting)
				}
				if test.verdict != alerts.Proved {
					return
				}
				if *got.FiredSeconds != 20 || *got.ResolvedSeconds != 10 || got.Factor != "20" || got.Severity != "page" || got.Summary != "s" {
					t.Errorf("fired after %v s, over after %v s: %+v", *got.FiredSeconds, *got.ResolvedSeconds, got)
				}
			})
		})
	}
}

// TestAFaultOfTwoAlerts has one that comes and one that doesn't.
func TestAFaultOfTwoAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{alert: "A", fires: 20 * time.Second, resolves: 10 * time.Second}
		drill := w.drill("both")
		drill.Alerts = []string{"A", "B"}
		found, err := alerts.Run(t.Context(), alerts.Options{
			Lanes: [][]alerts.Drill{{drill}}, Fires: time.Minute, Resolves: time.Minute,
			Inbox: func(context.Context) (inbox.List, error) {
				return inbox.List{Schema: inbox.Schema, Alerts: w.list()}, nil
			},
		})
		if err != nil || len(found) != 2 || found[0].Verdict != alerts.Proved || found[1].Verdict != alerts.Silent || found[1].Alert != "B" || w.makes != 1 || w.ends != 1 {
			t.Errorf("%+v, %v", found, err)
		}
	})
}

func TestLanesGoSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		found, err := run(t.Context(),
			&world{alert: "A", fires: 20 * time.Second, resolves: 10 * time.Second},
			&world{alert: "B", fires: 30 * time.Second, resolves: 5 * time.Second})
		names := []string{}
		for _, one := range found {
			names = append(names, one.Alert)
		}
		if err != nil || !slices.Equal(names, []string{"A", "B"}) || time.Since(began) > 36*time.Second {
			t.Errorf("%v after %s: %v", names, time.Since(began), err)
		}
	})
}

// TestAFaultIsTakenBackWhenInterrupted is what people would not forgive.
func TestAFaultIsTakenBackWhenInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		w := &world{alert: "A", silent: true}
		if _, err := run(ctx, w); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if w.makes != 1 || w.ends != 1 {
			t.Errorf("made %d times, ended %d times", w.makes, w.ends)
		}
	})
}

func TestFlags(t *testing.T) {
	var heard []string
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body) // DELETE has none
		text, _ := json.Marshal(body)
		heard = append(heard, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(text))
		w.WriteHeader(status)
		_, _ = w.Write([]byte("no such flag"))
	}))
	defer server.Close()
	flags := alerts.Flags{Root: server.URL + "/api/v1", Lasts: 5 * time.Minute, Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t", TokenType: "Bearer"})}
	drill := flags.Drill("errors", "fault-injection", "errors", "ErrorRateHigh")
	if err := errors.Join(drill.Make(t.Context()), drill.End(t.Context())); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`PUT /api/v1/admin/flags/fault-injection/override Bearer t {"reason":"pocctl verify --alerts: errors","seconds":300,"value":"errors"}`,
		`DELETE /api/v1/admin/flags/fault-injection/override Bearer t null`,
	}
	if !slices.Equal(heard, want) {
		t.Errorf("%q", heard)
	}
	status = http.StatusNotFound
	if err := drill.Make(t.Context()); err == nil || !strings.Contains(err.Error(), "404 Not Found: no such flag") {
		t.Errorf("an unknown flag: %v", err)
	}
	if err := drill.End(t.Context()); err != nil {
		t.Errorf("an override that is gone: %v", err)
	}
}

func TestSilences(t *testing.T) {
	var heard []string
	var silence struct {
		Matchers []struct {
			Name, Value    string
			IsRegex, Equal bool
		}
		StartsAt, EndsAt time.Time
		Comment          string
	}
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard = append(heard, r.Method+" "+r.URL.Path)
		if r.Method == http.MethodPost {
			if err := json.NewDecoder(r.Body).Decode(&silence); err != nil {
				t.Error(err)
			}
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"silenceID":"s1"}`))
	}))
	defer server.Close()
	silences := alerts.Silences{URL: server.URL + "/alertmanager/", Client: http.DefaultClient}
	end, err := silences.Begin(t.Context(), 20*time.Minute, "an exercise")
	if err != nil {
		t.Fatal(err)
	}
	if len(silence.Matchers) != 2 || silence.Matchers[0].Name != "drill" || silence.Matchers[0].Value != "" || silence.EndsAt.Sub(silence.StartsAt) != 20*time.Minute {
		t.Errorf("%+v", silence)
	}
	if err := end(t.Context()); err != nil {
		t.Error(err)
	}
	if want := []string{"POST /alertmanager/api/v2/silences", "DELETE /alertmanager/api/v2/silence/s1"}; !slices.Equal(heard, want) {
		t.Errorf("%q", heard)
	}
	status = http.StatusBadRequest
	if _, err := silences.Begin(t.Context(), time.Minute, "an exercise"); err == nil || !strings.Contains(err.Error(), "400 Bad Request") {
		t.Errorf("a refusal: %v", err)
	}
}

func TestAnInboxThatIsAway(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"schema":"other"}`)) }))
	url := server.URL
	read := alerts.Inbox(url+"/alerts/", http.DefaultClient)
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := read(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	server.Close()
	synctest.Test(t, func(t *testing.T) {
		dead := &http.Client{Transport: refuses{}}
		var away *alerts.AwayError
		began := time.Now()
		if _, err := alerts.Inbox(url, dead)(t.Context()); !errors.As(err, &away) || away.URL != url+"/alerts.json" || time.Since(began) < 30*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

type refuses struct{}

func (refuses) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }
