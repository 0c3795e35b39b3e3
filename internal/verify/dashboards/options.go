package dashboards

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Options say what is asked of whom.
type Options struct {
	// Dashboards are those whose panels are asked for, as All gives them.
	Dashboards []Dashboard
	// URL is Prometheus' own, below which is /api/v1, for example
	// http://127.0.0.1:8080/prometheus.
	URL string
	// HTTP sends the questions; nil is http.DefaultClient.
	HTTP *http.Client
	// Namespace and Job are regular expressions of the labels of what is looked at;
	// empty is any namespace, and backend with its workers.
	Namespace, Job string
	// RateInterval is what $__rate_interval stands for: four scrapes or more. 0 is a
	// minute.
	RateInterval time.Duration
	// Range is how far back lines go; 0 is 15 minutes.
	Range time.Duration
	// Deadline is how long one query may take; 0 is 10 seconds.
	Deadline time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

func (o Options) filled() Options {
	o.URL = strings.TrimSuffix(o.URL, "/")
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Namespace = cmp.Or(o.Namespace, ".*")
	o.Job = cmp.Or(o.Job, "backend.*")
	o.RateInterval = cmp.Or(o.RateInterval, time.Minute)
	o.Range = cmp.Or(o.Range, 15*time.Minute)
	o.Deadline = cmp.Or(o.Deadline, 10*time.Second)
	return o
}

// step is how far points of a line are apart.
func (o Options) step() time.Duration {
	const points = 60
	return max(time.Second, o.Range/points).Round(time.Second)
}

// expression puts what is chosen into a query.
func (o Options) expression(query Query) string {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	return strings.NewReplacer(
		"$namespace", quoted.Replace(o.Namespace),
		"$job", quoted.Replace(o.Job),
		"$__rate_interval", fmt.Sprintf("%ds", max(1, int(o.RateInterval.Round(time.Second)/time.Second))),
	).Replace(query.Expr)
}
