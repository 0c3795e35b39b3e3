package ingress

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics bear ingress-nginx's names and labels, so that dashboards and canary
// analyses written for it work: ingress and service are those of the stable
// path, canary is the upstream name of the canary that served, or "".
type metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	labels := []string{"namespace", "ingress", "service", "canary", "method", "status"}
	made := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nginx_ingress_controller_requests",
			Help: "Client requests.",
		}, labels),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "nginx_ingress_controller_request_duration_seconds",
			Help: "Time from a request's header to the end of its response.",
			// The usual ones, and the latency objective's 0.3.
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .3, .5, 1, 2.5, 5, 10},
		}, labels),
	}
	if registerer != nil {
		if err := errors.Join(registerer.Register(made.requests), registerer.Register(made.durations)); err != nil {
			return nil, fmt.Errorf("register ingress metrics: %w", err)
		}
	}
	return made, nil
}

func (m *metrics) observe(request *http.Request, e *exchange, took time.Duration) {
	var namespace, ingress, service, canary string
	if e.location != nil {
		namespace, ingress, service = e.location.ingress.Namespace, e.location.ingress.Name, e.location.backend.service.Name
	}
	if e.canary {
		canary = e.backend.upstream()
	}
	labels := []string{namespace, ingress, service, canary, methodLabel(request.Method), strconv.Itoa(e.status)}
	m.requests.WithLabelValues(labels...).Inc()
	m.durations.WithLabelValues(labels...).Observe(took.Seconds())
}

// methodLabel keeps clients from making up label values.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "other"
}
