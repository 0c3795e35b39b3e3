package app_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alicebob/miniredis/v2"

	"github.com/pocctl/pocctl/internal/app"
	"github.com/pocctl/pocctl/internal/app/objectives"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

func TestServeIsUpAtOnceAndReadyAtHead(t *testing.T) {
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	o := options(t)
	direct := o
	o.DatabaseURL = "postgres://postgres@" + proxy.Address() + "/" + databaseOf(o)
	r := serve(t, o)

	if status, _ := r.get("/healthz"); status != http.StatusOK {
		t.Errorf("health %d without a database, want 200", status)
	}
	if _, body := r.get("/readyz"); body["status"] != "not-ready" || state(body, "database") != "failed" {
		t.Errorf("without a database: %v", body)
	}
	proxy.Up(t)
	waitFor(t, "the database", func() bool { _, body := r.get("/readyz"); return state(body, "database") == "ok" })
	if _, body := r.get("/readyz"); body["status"] != "not-ready" || state(body, "migrations") != "failed" {
		t.Errorf("before migrations: %v", body)
	}
	migrate(t, direct)
	r.await("ready")
	_, body := r.get("/readyz")
	migrations := body["migrations"].(map[string]any)
	if migrations["current"] != migrations["head"] || migrations["head"].(float64) < 1 {
		t.Errorf("at head: %v", migrations)
	}
	proxy.Down()
	r.await("not-ready")
	proxy.Up(t)
	r.await("ready")
	r.stop()
	if err := r.end(); err != nil {
		t.Errorf("stop: %v", err)
	}
	r.ended <- nil
}

func TestWithoutRedisTheServiceIsDegraded(t *testing.T) {
	o := options(t)
	redis := miniredis.RunT(t)
	o.RedisURL = "redis://" + redis.Addr()
	migrate(t, o)
	if err := app.Seed(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	r := serve(t, o)
	r.await("ready")
	redis.Close()
	r.await("degraded")
	for range 20 {
		if status, body := r.get("/api/v1/products?limit=1"); status != http.StatusOK {
			t.Fatalf("list without Redis: %d %v", status, body)
		}
		if status, body := r.get("/api/v1/products/" + firstSample); status != http.StatusOK {
			t.Fatalf("read without Redis: %d %v", status, body)
		}
	}
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	r.await("ready")
}

func TestNoRedisAtAllIsReady(t *testing.T) {
	o := options(t)
	o.RedisURL = ""
	migrate(t, o)
	r := serve(t, o)
	r.await("ready")
	if _, body := r.get("/readyz"); state(body, "cache") != "disabled" {
		t.Errorf("cache: %v, want disabled", body["cache"])
	}
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	o := options(t)
	o.ReadinessDelay = 300 * time.Millisecond
	migrate(t, o)
	r := serve(t, o)
	request := r.beginCreate("SLOW")
	r.stop()
	r.await("not-ready") // within the delay: it still takes connections
	waitFor(t, "the listener to close", func() bool {
		connection, err := net.Dial("tcp", r.address)
		if err == nil {
			connection.Close()
		}
		return err != nil
	})
	select {
	case err := <-r.ended:
		t.Fatalf("it stopped with a request under way: %v", err)
	default:
	}
	if status, err := request.finish(); status != http.StatusCreated {
		t.Errorf("the request under way: %d %v, want 201", status, err)
	}
	if err := r.end(); err != nil {
		t.Errorf("stop: %v", err)
	}
	r.ended <- nil
}

func TestShutdownHasABound(t *testing.T) {
	o := options(t)
	o.ShutdownTimeout = 100 * time.Millisecond
	migrate(t, o)
	r := serve(t, o)
	r.beginCreate("NEVER") // and never finishes
	r.stop()
	if err := r.end(); err == nil || !strings.Contains(err.Error(), "wait 100ms for requests to finish") {
		t.Errorf("stop: %v, want it to say what it waited for", err)
	}
	r.ended <- nil
}

func TestServeSaysWhichAddressIsTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	o := options(t)
	o.Address = listener.Addr().String()
	if err := app.Serve(t.Context(), o); err == nil || !strings.Contains(err.Error(), "listen on "+o.Address) {
		t.Errorf("serve: %v, want the address", err)
	}
}

func TestOptionsAreRefusedByName(t *testing.T) {
	tests := map[string]func(*app.Options){
		"DatabaseURL":         func(o *app.Options) { o.DatabaseURL = "postgres://u:secret@host:port/x" },
		"RedisURL":            func(o *app.Options) { o.RedisURL = "http://:secret@host" },
		"Address":             func(o *app.Options) { o.Address = "8080" },
		"LogLevel":            func(o *app.Options) { o.LogLevel = "loud" },
		"LogOutput":           func(o *app.Options) { o.LogOutput = nil },
		"RequestTimeout":      func(o *app.Options) { o.RequestTimeout = 0 },
		"ReadinessDelay":      func(o *app.Options) { o.ReadinessDelay = -1 },
		"ShutdownTimeout":     func(o *app.Options) { o.ShutdownTimeout = 0 },
		"CacheTTL":            func(o *app.Options) { o.CacheTTL = -time.Second },
		"DatabaseConnections": func(o *app.Options) { o.DatabaseConnections = 0 },
		"RedisConnections":    func(o *app.Options) { o.RedisConnections = 1 << 20 },
		"SeedCount":           func(o *app.Options) { o.SeedCount = -1 },
		"Objectives":          func(o *app.Options) { o.Objectives = []objectives.Objective{{Indicator: objectives.CacheHit}} },
	}
	for option, spoil := range tests {
		o := app.Defaults()
		o.DatabaseURL = "postgres://localhost/x"
		spoil(&o)
		for name, err := range map[string]error{
			"serve": app.Serve(t.Context(), o), "migrate": app.Migrate(t.Context(), o), "seed": app.Seed(t.Context(), o),
		} {
			var refused *app.OptionError
			if !errors.As(err, &refused) || refused.Option != option {
				t.Errorf("%s: %v, want an error about %s", name, err, option)
			} else if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells a password: %v", err)
			}
		}
	}
}

func TestMigrateAndSeed(t *testing.T) {
	o := options(t)
	out := &log{}
	o.LogOutput = out
	if current, head, err := app.SchemaVersion(t.Context(), o); err != nil || current != 0 || head == 0 {
		t.Errorf("before: version %d of %d, %v", current, head, err)
	}
	if err := app.Seed(t.Context(), o); err == nil || !strings.Contains(err.Error(), "run migrate first") {
		t.Errorf("seed an empty database: %v", err)
	}
	migrate(t, o)
	migrate(t, o)
	if current, head, err := app.SchemaVersion(t.Context(), o); err != nil || current != head {
		t.Errorf("after: version %d of %d, %v", current, head, err)
	}
	for _, added := range []int{200, 0} {
		if err := app.Seed(t.Context(), o); err != nil {
			t.Fatalf("seed: %v", err)
		}
		if want := fmt.Sprintf(`"products":200,"added":%d,`, added); !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, out)
		}
	}
}

func TestMigrateGivesUpOnADatabaseThatDoesNotCome(t *testing.T) {
	o := options(t)
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	o.DatabaseURL = "postgres://postgres:secret@" + proxy.Address() + "/shop"
	o.DatabaseWait = 200 * time.Millisecond
	err := app.Migrate(t.Context(), o)
	for _, part := range []string{`database "shop"`, "not up after 200ms", "the last attempt"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("migrate: %v, want it to say %q", err, part)
		}
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the error tells the password: %v", err)
	}
}

// firstSample is part of what Seed promises: the same products in every release.
const firstSample = "019b76da-a800-7bfa-b17b-5d25d0769c66"

func TestSamplesNeverChange(t *testing.T) {
	o := options(t)
	migrate(t, o)
	if err := app.Seed(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	_, got := serve(t, o).get("/api/v1/products/" + firstSample)
	want := map[string]any{
		"id": firstSample, "sku": "SAMPLE-000001", "name": "Polished ceramic notebook",
		"description": "A notebook made of ceramic. Sample number 1.",
		"price_minor": 38469.0, "currency": "EUR", "stock": 225.0, "version": 1.0,
		"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the first sample (-want +got):\n%s", diff)
	}
}

func state(body map[string]any, part string) any { return body[part].(map[string]any)["status"] }

func databaseOf(o app.Options) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(o.DatabaseURL, "postgres:///"), "?")
	return name
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}
