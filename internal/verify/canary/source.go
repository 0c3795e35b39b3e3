package canary

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Why counters can't be read.
var (
	// ErrAway is that Prometheus doesn't answer, or not in time, or that something
	// between answers in its stead. Another attempt may succeed.
	ErrAway = errors.New("no answer from Prometheus")
	// ErrQuery is that Prometheus refuses the query. Another attempt won't help.
	ErrQuery = errors.New("the query is refused")
	// ErrNoSeries is that a metric of the stable version, which is serving, isn't
	// there: it was renamed, or isn't scraped.
	ErrNoSeries = errors.New("there are no series")
	// ErrBadSample is that a metric's values can't be: not a number, or buckets that
	// hold fewer requests than smaller ones.
	ErrBadSample = errors.New("a sample can't be right")
)

const (
	requestMetric = "http_server_request_duration_seconds"
	memoryMetric  = "process_resident_memory_bytes"

	mostBody     = 16 << 20 // of an answer
	patience     = 10 * time.Second
	mostSaid     = 200 // characters of what a stranger answers
	hashLabel    = "pod_template_hash"
	podLabel     = "pod"
	metricLabel  = "of" // tells the parts of the query apart
	requestsPart = "requests"
	errorsPart   = "errors"
	bucketsPart  = "buckets"
	memoryPart   = "memory"
	sampledPart  = "sampled"
)

// Options are where counters are read.
type Options struct {
	// URL is Prometheus' base: http://127.0.0.1:8080/prometheus.
	URL string
	// HTTP sends the queries; by default one that waits for ten seconds.
	HTTP *http.Client
	// Job and Namespace are the labels of the service's series.
	Job, Namespace string
}

// Source reads counters from Prometheus.
type Source struct {
	options  Options
	endpoint string
}

// NewSource makes a source; the error is that of a URL which isn't one.
func NewSource(options Options) (*Source, error) {
	base, err := url.Parse(options.URL)
	if err != nil {
		return nil, fmt.Errorf("read Prometheus' URL: %w", err)
	}
	if base.Scheme == "" || base.Host == "" {
		return nil, fmt.Errorf("read Prometheus' URL: %q has no scheme or host", options.URL)
	}
	if options.HTTP == nil {
		options.HTTP = &http.Client{Timeout: patience}
	}
	return &Source{options: options, endpoint: base.JoinPath("api/v1/query").String()}, nil
}

// Read gives the counters of versions by their pod-template hash, of which the first
// is the stable version's: it is known to be serving, so that it's an error,
// ErrNoSeries, if it has none. Another version without pods that were scraped has
// no Counters, and one without requests has pods that counted none.
//
// All are of one instant query, and so of the same scrape of each pod. The time is
// that of the oldest of these scrapes, by Prometheus' clock. Errors are ErrAway,
// ErrQuery, ErrNoSeries or ErrBadSample, or the context's if that was cancelled.
func (s *Source) Read(ctx context.Context, hashes []string) (map[string]Counters, time.Time, error) {
	if len(hashes) == 0 || slices.Contains(hashes, "") {
		return nil, time.Time{}, s.failed(hashes, ErrQuery, "a pod-template hash is missing")
	}
	body, err := s.ask(ctx, hashes, oneOf(hashes))
	if err != nil {
		return nil, time.Time{}, err
	}
	samples, err := parse(body)
	if err != nil {
		return nil, time.Time{}, s.failed(hashes, ErrBadSample, "got "+err.Error())
	}
	versions, err := gather(samples)
	if err != nil {
		return nil, time.Time{}, s.failed(hashes, ErrBadSample, "got "+err.Error())
	}
	if found := lacking(versions[hashes[0]]); found != "" {
		return nil, time.Time{}, s.failed(hashes, ErrNoSeries, fmt.Sprintf("of the stable version, %s, got %s", hashes[0], found))
	}
	return versions, oldest(versions), nil
}

// ReadAll gives the counters of every version that Prometheus knows, by the pods' names.
// Pods without a pod-template hash are left out. Errors are those of Read; ErrNoSeries is
// that there are none.
func (s *Source) ReadAll(ctx context.Context) (Counters, error) {
	const every = "every one"
	body, err := s.ask(ctx, []string{every}, ".+")
	if err != nil {
		return nil, err
	}
	samples, err := parse(body)
	if err != nil {
		return nil, s.failed([]string{every}, ErrBadSample, "got "+err.Error())
	}
	versions, err := gather(samples)
	if err != nil {
		return nil, s.failed([]string{every}, ErrBadSample, "got "+err.Error())
	}
	all := Counters{}
	for _, version := range versions {
		maps.Copy(all, version)
	}
	if len(all) == 0 {
		return nil, s.failed([]string{every}, ErrNoSeries, "got none")
	}
	return all, nil
}

// ask sends the query and gives the body of an answer that Prometheus calls a success.
func (s *Source) ask(ctx context.Context, hashes []string, pattern string) ([]byte, error) {
	query := s.query(pattern)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.endpoint+"?"+url.Values{"query": {query}}.Encode(), http.NoBody)
	if err != nil {
		return nil, s.failed(hashes, ErrQuery, err.Error())
	}
	response, err := s.options.HTTP.Do(request)
	if err != nil {
		return nil, s.unreachable(ctx, hashes, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBody+1))
	if err != nil {
		return nil, s.unreachable(ctx, hashes, err)
	}
	if len(body) > mostBody {
		return nil, s.failed(hashes, ErrBadSample, fmt.Sprintf("got more than %d bytes", mostBody))
	}
	refusal, known := refused(body)
	switch {
	case response.StatusCode >= http.StatusInternalServerError, response.StatusCode == http.StatusTooManyRequests, !known:
		return nil, s.failed(hashes, ErrAway, "got "+response.Status+said(refusal, body))
	case response.StatusCode != http.StatusOK || refusal != "":
		return nil, s.failed(hashes, ErrQuery, "got "+response.Status+said(refusal, body)+" to the query "+query)
	}
	return body, nil
}

// unreachable tells a caller that gave up from a Prometheus that is away.
func (s *Source) unreachable(ctx context.Context, hashes []string, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the URL, which holds the whole query
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("read the service's counters: %w", context.Canceled)
	}
	return fmt.Errorf("%w: %w", s.failed(hashes, ErrAway, "got no answer"), err)
}

// failed says what was asked, and what came.
func (s *Source) failed(hashes []string, kind error, came string) error {
	return fmt.Errorf("read the service's counters: %w: asked %s for %s and %s of job %s in namespace %s, %s %s: %s",
		kind, s.endpoint, requestMetric, memoryMetric, s.options.Job, s.options.Namespace, hashLabel, strings.Join(hashes, ", "), came)
}

// oneOf is a pattern of hashes.
func oneOf(hashes []string) string {
	quoted := make([]string, len(hashes))
	for i, hash := range hashes {
		quoted[i] = regexp.QuoteMeta(hash)
	}
	return strings.Join(quoted, "|")
}

// query asks for all counters at once: Prometheus gives one query the same scrape of
// a pod, so that its errors and buckets belong to its requests.
func (s *Source) query(pattern string) string {
	pods := fmt.Sprintf("job=%s,namespace=%s,%s=~%s", strconv.Quote(s.options.Job), strconv.Quote(s.options.Namespace),
		hashLabel, strconv.Quote(pattern))
	// Probes and scrapes are left out.
	requests := pods + `,http_route=~"/api/.*"`
	by := fmt.Sprintf("by (%s, %s)", hashLabel, podLabel)
	parts := []struct{ name, expression string }{
		{requestsPart, fmt.Sprintf("sum %s (%s_count{%s})", by, requestMetric, requests)},
		{errorsPart, fmt.Sprintf(`sum %s (%s_count{%s,error_type=~"5.."})`, by, requestMetric, requests)},
		{bucketsPart, fmt.Sprintf("sum by (%s, %s, le) (%s_bucket{%s})", hashLabel, podLabel, requestMetric, requests)},
		{memoryPart, fmt.Sprintf("sum %s (%s{%s})", by, memoryMetric, pods)},
		{sampledPart, fmt.Sprintf("min %s (timestamp(%s{%s}))", by, memoryMetric, pods)},
	}
	whole := make([]string, len(parts))
	for i, part := range parts { // without a label of its own, "or" would drop what has the same pod
		whole[i] = fmt.Sprintf(`label_replace(%s, %q, %q, "", "")`, part.expression, metricLabel, part.name)
	}
	return strings.Join(whole, " or ")
}

// lacking says which series a version that serves doesn't have, or nothing.
func lacking(version Counters) string {
	if len(version) == 0 {
		return "none at all"
	}
	var requests int64
	buckets, memory := false, false
	for _, pod := range version {
		requests += pod.Requests
		buckets = buckets || len(pod.Buckets) > 0
		memory = memory || !pod.Sampled.IsZero()
	}
	switch {
	case requests == 0 && !buckets:
		return fmt.Sprintf(`none of %s with http_route=~"/api/.*", but %s`, requestMetric, memoryMetric)
	case !buckets:
		return fmt.Sprintf("none of %s_bucket, but %s_count", requestMetric, requestMetric)
	case !memory:
		return fmt.Sprintf("none of %s, but %s", memoryMetric, requestMetric)
	}
	return ""
}

func oldest(versions map[string]Counters) time.Time {
	var first time.Time
	for _, version := range versions {
		for _, pod := range version {
			if first.IsZero() || !pod.Sampled.IsZero() && pod.Sampled.Before(first) {
				first = pod.Sampled
			}
		}
	}
	return first
}
