package telemetry

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

var postgres storetest.Server

func TestMain(m *testing.M) { postgres.Main(m) }

func containsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// snapshot is of the flags that the service comes with.
func snapshot(t testing.TB) flags.Snapshot {
	t.Helper()
	file, err := os.ReadFile("../../../config/feature-flags.yaml")
	if err != nil {
		t.Fatal(err)
	}
	made, err := flags.New(t.Context(), flags.Options{Default: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close(t.Context()) })
	return made.Evaluate(t.Context(), flags.Subject{Role: "viewer", Subject: "a-viewer"})
}

// await returns once the condition holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func sayAsOpenTelemetry(err error) { otel.Handle(err) }
