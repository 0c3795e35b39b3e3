package canary

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mostCounted is more than a pod counts in its life: exact tests of more would be
// neither quick nor exact.
const mostCounted = 1e12

// answer is that of Prometheus' query API:
// https://prometheus.io/docs/prometheus/latest/querying/api/.
type answer struct {
	Status    string `json:"status"`
	ErrorType string `json:"errorType"`
	Error     string `json:"error"`
	Data      struct {
		ResultType string   `json:"resultType"`
		Result     []sample `json:"result"`
	} `json:"data"`
}

// sample is a series' value at the query's time.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  []json.RawMessage `json:"value"` // the time, and the value as a string
}

// refused gives the reason for which Prometheus refused a query, empty if it didn't;
// not known if the answer isn't Prometheus'.
func refused(body []byte) (reason string, known bool) {
	var got struct {
		Status    string `json:"status"`
		ErrorType string `json:"errorType"`
		Error     string `json:"error"`
	}
	if json.Unmarshal(body, &got) != nil {
		return "", false
	}
	switch got.Status {
	case "success":
		return "", true
	case "error":
		return got.ErrorType + ": " + got.Error, true
	}
	return "", false
}

// said quotes what was answered, briefly.
func said(refusal string, body []byte) string {
	text := refusal
	if text == "" {
		text = strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "?")), " ")
	}
	if runes := []rune(text); len(runes) > mostSaid {
		text = string(runes[:mostSaid]) + "…"
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf(", %q", text)
}

// parse reads the samples of an answer.
func parse(body []byte) ([]sample, error) {
	var got answer
	if err := json.Unmarshal(body, &got); err != nil {
		return nil, fmt.Errorf("what isn't a vector: %w", err)
	}
	if got.Data.ResultType != "vector" {
		return nil, fmt.Errorf("a %q instead of a vector", got.Data.ResultType)
	}
	return got.Data.Result, nil
}

// number reads a sample's value.
func (s sample) number() (float64, error) {
	if len(s.Value) != 2 {
		return 0, fmt.Errorf("%s without a value", s)
	}
	var text string
	if err := json.Unmarshal(s.Value[1], &text); err != nil {
		return 0, fmt.Errorf("%s of %s", s, s.Value[1])
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) || value < 0 {
		return 0, fmt.Errorf("%s of %q", s, text)
	}
	return value, nil
}

// count reads a sample's value as that of a counter of whole things.
func (s sample) count() (int64, error) {
	value, err := s.number()
	if err != nil {
		return 0, err
	}
	if value > mostCounted || value != math.Trunc(value) {
		return 0, fmt.Errorf("%s of %v", s, value)
	}
	return int64(value), nil
}

// String names the sample: "buckets up to 0.3 of pod backend-1".
func (s sample) String() string {
	name := s.Metric[metricLabel]
	if bound, found := s.Metric["le"]; found {
		name += " up to " + bound
	}
	return name + " of pod " + s.Metric[podLabel]
}

// gather puts samples together as counters, by version and pod.
func gather(samples []sample) (map[string]Counters, error) {
	versions := map[string]Counters{}
	for _, sample := range samples {
		hash, name := sample.Metric[hashLabel], sample.Metric[podLabel]
		if hash == "" || name == "" {
			return nil, fmt.Errorf("%s, without the label %s or %s", sample, hashLabel, podLabel)
		}
		if versions[hash] == nil {
			versions[hash] = Counters{}
		}
		pod := versions[hash][name]
		if err := pod.take(sample); err != nil {
			return nil, err
		}
		versions[hash][name] = pod
	}
	for _, version := range versions {
		for name, pod := range version {
			if err := pod.close(); err != nil {
				return nil, fmt.Errorf("of pod %s %w", name, err)
			}
			version[name] = pod
		}
	}
	return versions, nil
}

// take adds a sample to a pod's.
func (p *Pod) take(s sample) (err error) {
	switch s.Metric[metricLabel] {
	case requestsPart:
		p.Requests, err = s.count()
	case errorsPart:
		p.Errors, err = s.count()
	case memoryPart:
		p.Memory, err = s.number()
	case sampledPart:
		var seconds float64
		if seconds, err = s.number(); err == nil {
			if seconds > math.MaxInt32*1000 {
				return fmt.Errorf("%s of %v", s, seconds)
			}
			p.Sampled = time.UnixMilli(int64(math.Round(seconds * 1000)))
		}
	case bucketsPart:
		var bucket Bucket
		bucket.Bound, err = strconv.ParseFloat(s.Metric["le"], 64)
		if err != nil || math.IsNaN(bucket.Bound) {
			return fmt.Errorf("%s, which isn't a bound", s)
		}
		bucket.Count, err = s.count()
		p.Buckets = append(p.Buckets, bucket)
	default:
		return fmt.Errorf("%s, which wasn't asked for", s)
	}
	return err
}

// close sorts the buckets, checks that the counters fit together, and drops the last
// bucket, which is all requests.
func (p *Pod) close() error {
	if p.Errors > p.Requests {
		return fmt.Errorf("%d errors of %d requests", p.Errors, p.Requests)
	}
	if len(p.Buckets) == 0 {
		return nil // no requests yet, or the metric has become another
	}
	slices.SortFunc(p.Buckets, func(a, b Bucket) int {
		switch {
		case a.Bound < b.Bound:
			return -1
		case a.Bound > b.Bound:
			return 1
		}
		return 0
	})
	last := p.Buckets[len(p.Buckets)-1]
	if !math.IsInf(last.Bound, 1) {
		return errors.New("no bucket up to +Inf")
	}
	if last.Count != p.Requests {
		return fmt.Errorf("%d requests, but %d in the bucket up to +Inf", p.Requests, last.Count)
	}
	for i, bucket := range p.Buckets[1:] {
		before := p.Buckets[i]
		if bucket.Bound == before.Bound {
			return fmt.Errorf("two buckets up to %v s", bucket.Bound)
		}
		if bucket.Count < before.Count {
			return fmt.Errorf("%d requests up to %v s, but %d up to %v s", before.Count, before.Bound, bucket.Count, bucket.Bound)
		}
	}
	p.Buckets = p.Buckets[:len(p.Buckets)-1]
	if len(p.Buckets) > 0 && math.IsInf(p.Buckets[0].Bound, -1) {
		return errors.New("a bucket up to -Inf")
	}
	return nil
}
