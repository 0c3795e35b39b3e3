package app

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
)

// readinessSwitch lets an operator take a process out of service, and put it
// back, with no restart.
type readinessSwitch struct{ off atomic.Bool }

// private serves what has no authentication: profiles, and the switch.
func private(readiness *readinessSwitch) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /readiness", readiness.show)
	mux.HandleFunc("POST /readiness/enable", func(w http.ResponseWriter, r *http.Request) {
		readiness.off.Store(false)
		readiness.show(w, r)
	})
	mux.HandleFunc("POST /readiness/disable", func(w http.ResponseWriter, r *http.Request) {
		readiness.off.Store(true)
		readiness.show(w, r)
	})
	return mux
}

func (s *readinessSwitch) show(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]bool{"enabled": !s.off.Load()}) // the client may have gone
}
