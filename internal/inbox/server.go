package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"path"
	"strings"
	"syscall"
	"time"
)

const (
	kept          = 500
	largest       = 4 << 20 // bytes of a notification
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	drain         = 5 * time.Second
)

// Options of an inbox.
type Options struct {
	// Address is host:port to listen on.
	Address string
	// Path is where people find the page and, below it, alerts.json; "/" by default.
	// Notifications are taken at /receive, which no Ingress leads to.
	Path string
	// Log takes a line of JSON for every alert that began or ended.
	Log io.Writer
}

// Serve runs an inbox until the context ends or SIGTERM or SIGINT comes.
func Serve(ctx context.Context, options Options) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	logger := slog.New(slog.NewJSONHandler(options.Log, nil))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", options.Address)
	if err != nil {
		return fmt.Errorf("listen for alerts: %w", err)
	}
	server := &http.Server{
		Handler:           Handler(NewBox(kept), options.Path, logger, time.Now),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	logger.Info("ready", "address", options.Address)
	select {
	case err := <-served:
		return fmt.Errorf("serve alerts: %w", err)
	case <-ctx.Done():
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		return server.Shutdown(end)
	}
}

// Handler serves a box: its page and alerts.json below root, POST /receive for
// Alertmanager, /healthz for probes.
func Handler(box *Box, root string, logger *slog.Logger, now func() time.Time) http.Handler {
	root = "/" + strings.Trim(root, "/")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("POST /receive", func(w http.ResponseWriter, r *http.Request) {
		n, err := read(http.MaxBytesReader(w, r.Body, largest))
		if err != nil {
			var large *http.MaxBytesError
			status := http.StatusBadRequest
			if errors.As(err, &large) {
				status = http.StatusRequestEntityTooLarge
			}
			logger.Warn("a notification is refused", "error", err)
			http.Error(w, err.Error(), status)
			return
		}
		for _, one := range box.take(n, now()) {
			say(logger, one)
		}
	})
	mux.HandleFunc("GET "+path.Join(root, "alerts.json"), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(box.List()) // nobody is left to tell
	})
	show := func(w http.ResponseWriter, _ *http.Request) { page(w, box.List(), now()) }
	mux.HandleFunc("GET "+strings.TrimSuffix(root, "/")+"/{$}", show)
	if root != "/" {
		mux.HandleFunc("GET "+root, show)
	}
	return mux
}

func say(logger *slog.Logger, a Alert) {
	word := "an alert fires"
	if a.Resolved != nil {
		word = "an alert is over"
	}
	logger.Info(word, "alert", a.Name, "severity", a.Severity, "receiver", a.Receiver, "drill", a.Drill, "summary", a.Annotations["summary"], "labels", a.Labels)
}
