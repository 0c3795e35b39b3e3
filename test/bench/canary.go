//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const canaryRate = "300"

// canary measures how long a good version takes to be let through, how quickly a bad
// one is taken back, and who saw it.
func (b bench) canary(ctx context.Context) ([]figure, error) {
	s, err := newStack(ctx, b.binary, "")
	if err != nil {
		return nil, err
	}
	defer s.close()
	if _, err := s.pocctl(0, "up", "--skip", "canary,verify"); err != nil {
		return nil, err
	}
	good, err := s.pocctl(0, "canary", "--rate", canaryRate, "--set", "canary.weights={5,10,25,50,75}", "--set", "podAnnotations.bench=five")
	if err != nil {
		return nil, err
	}
	figures := []figure{atMost(fmt.Sprintf("canary of five steps at 300/s, %d requests to it", good.Canary.Requests), good.Canary.Seconds, 90, "s")}
	const rolledBack = 5
	began := time.Now()
	bad, err := s.pocctl(rolledBack, "canary", "--rate", canaryRate, "--set", "config.extra.POCCTL_FAULT_ERROR_PERCENT=5")
	if err != nil {
		return figures, err
	}
	seconds, err := between(bad.said, `[1-9][0-9]*% of the requests`, `taking the canary back`)
	if err != nil {
		return figures, err
	}
	share, err := sawIt(ctx, bad.Endpoints["prometheus"], bad.Canary.To, time.Since(began))
	if err != nil {
		return figures, err
	}
	return append(figures,
		atMost("5% errors: taken back, after its first requests", seconds, 20, "s"),
		atMost("5% errors: of all requests, went to it (its last weight)", share, float64(bad.Canary.Weight), "%"),
	), nil
}

// between gives the time from the first line that one pattern matches to the first
// that the other does. Each line of progress begins with its time.
func between(said, one, other string) (float64, error) {
	at := func(pattern string) (float64, error) {
		found := regexp.MustCompile(`(?m)^\[ *([0-9.]+)s\].*` + pattern).FindStringSubmatch(said)
		if found == nil {
			return 0, fmt.Errorf("nothing is said of %q:\n%s", pattern, said)
		}
		return strconv.ParseFloat(found[1], 64)
	}
	from, err := at(one)
	if err != nil {
		return 0, err
	}
	until, err := at(other)
	return until - from, err
}

// sawIt gives the share, in percent, of requests in the last while that went to a version.
func sawIt(ctx context.Context, prometheus, version string, while time.Duration) (float64, error) {
	query := fmt.Sprintf(`sum by (pod_template_hash) (increase(http_server_request_duration_seconds_count{job="backend",http_route=~"/api/.*"}[%ds]))`, int(while.Seconds()))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, prometheus+"/api/v1/query?query="+url.QueryEscape(query), http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string `json:"metric"`
				Value  [2]any            `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, fmt.Errorf("read what Prometheus counted: %w", err)
	}
	var all, its float64
	for _, one := range answer.Data.Result {
		count, err := strconv.ParseFloat(fmt.Sprint(one.Value[1]), 64)
		if err != nil {
			return 0, err
		}
		all += count
		if strings.Contains(version, one.Metric["pod_template_hash"]) {
			its += count
		}
	}
	if its == 0 {
		return 0, fmt.Errorf("prometheus counted no request to %s", version)
	}
	return 100 * its / all, nil
}
