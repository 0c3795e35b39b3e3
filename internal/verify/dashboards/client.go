package dashboards

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// mostAnswer is more than any panel's answer, in bytes.
const mostAnswer = 32 << 20

// AwayError says that Prometheus itself can't be asked: it doesn't answer, or what
// answers isn't Prometheus.
type AwayError struct {
	// URL is where it was to be.
	URL string
	// Cause is what happened instead.
	Cause error
}

// Error names the address and the cause.
func (e *AwayError) Error() string {
	return fmt.Sprintf("Prometheus at %s can't be asked: %v", e.URL, e.Cause)
}

// Unwrap gives the cause.
func (e *AwayError) Unwrap() error { return e.Cause }

// Point is a value at a time.
type Point struct {
	At    time.Time
	Value float64
}

// UnmarshalJSON reads Prometheus' pair of seconds since 1970 and a value as text.
func (p *Point) UnmarshalJSON(data []byte) error {
	var seconds float64
	var text string
	pair := [2]any{&seconds, &text}
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return err
	}
	*p = Point{time.UnixMilli(int64(seconds * 1000)).UTC(), value}
	return nil
}

// Series is what a query answers for one set of labels.
type Series struct {
	Labels map[string]string
	Points []Point
}

// answer is Prometheus' own.
type answer struct {
	Status string `json:"status"`
	Type   string `json:"errorType"`
	Error  string `json:"error"`
	Data   struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	} `json:"data"`
}

// series reads vectors, matrices and scalars.
func (a answer) series() ([]Series, error) {
	if a.Data.Type == "scalar" {
		var one Point
		err := json.Unmarshal(a.Data.Result, &one)
		return []Series{{Points: []Point{one}}}, err
	}
	if a.Data.Type != "vector" && a.Data.Type != "matrix" {
		return nil, fmt.Errorf("it answers a %q", a.Data.Type)
	}
	var several []struct {
		Labels map[string]string `json:"metric"`
		Value  *Point            `json:"value"`
		Values []Point           `json:"values"`
	}
	if err := json.Unmarshal(a.Data.Result, &several); err != nil {
		return nil, err
	}
	var all []Series
	for _, one := range several {
		if one.Value != nil {
			one.Values = []Point{*one.Value}
		}
		all = append(all, Series{one.Labels, one.Values})
	}
	return all, nil
}

// query asks for an expression, at a time or up to it. wrong is what is the matter
// with the query alone; err is for everything that is no fault of the query's.
func (o Options) query(ctx context.Context, expression string, instant bool, at time.Time) (found []Series, wrong string, err error) {
	path, values := "/api/v1/query_range", url.Values{"query": {expression}, "timeout": {o.Deadline.String()}}
	if instant {
		path = "/api/v1/query"
		values.Set("time", timestamp(at))
	} else {
		values.Set("start", timestamp(at.Add(-o.Range)))
		values.Set("end", timestamp(at))
		values.Set("step", strconv.Itoa(int(o.step()/time.Second)))
	}
	limited, cancel := context.WithTimeout(ctx, o.Deadline)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, http.MethodGet, o.URL+path+"?"+values.Encode(), http.NoBody)
	if err != nil {
		return nil, "", &AwayError{o.URL, err}
	}
	request.Header.Set("Accept", "application/json")
	status, kind, body, err := send(o.HTTP, request)
	switch {
	case ctx.Err() != nil:
		return nil, "", context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Sprintf("it has no answer within %s", o.Deadline), nil
	case err != nil:
		return nil, "", &AwayError{o.URL, plain(err)}
	}
	var got answer
	if err := json.Unmarshal(body, &got); err != nil || kind != "application/json" || !slices.Contains([]string{"success", "error"}, got.Status) {
		return nil, "", &AwayError{o.URL, fmt.Errorf("%s answers %s, which isn't Prometheus'", path, status)}
	}
	if got.Status == "error" {
		if got.Type == "timeout" {
			return nil, fmt.Sprintf("it has no answer within %s: %s", o.Deadline, got.Error), nil
		}
		return nil, got.Type + ": " + got.Error, nil
	}
	if found, err = got.series(); err != nil {
		return nil, "the answer can't be read: " + err.Error(), nil
	}
	return found, "", nil
}

// send gives the status as text, the media type and the body.
func send(client *http.Client, request *http.Request) (status, kind string, body []byte, err error) {
	response, err := client.Do(request)
	if err != nil {
		return "", "", nil, err
	}
	defer func() { _ = response.Body.Close() }()
	kind, _, _ = mime.ParseMediaType(response.Header.Get("Content-Type"))
	body, err = io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	return response.Status, kind, body, err
}

func timestamp(at time.Time) string {
	return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)
}

// plain leaves out the address, which is as long as the query.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
