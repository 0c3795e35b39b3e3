package smoke

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// migrations checks on /readyz, through the ingress, that the service is ready
// and its database's schema at the version that it was built for.
type migrations struct{ Options }

// readiness is what the service says on /readyz, as far as it matters here.
type readiness struct {
	Status     string `json:"status"`
	Detail     string `json:"detail"`
	Migrations struct {
		Status  string `json:"status"`
		Detail  string `json:"detail"`
		Current int64  `json:"current"`
		Head    int64  `json:"head"`
	} `json:"migrations"`
}

func (m migrations) check(ctx context.Context, progress Progress) error {
	return poll(ctx, m.Deadline, Migrations, progress, m.ask)
}

func (m migrations) ask(ctx context.Context) (string, *mismatch) {
	url := m.Root + "/readyz"
	found := &mismatch{expected: "the service ready and its migrations at head", next: "curl -i " + url}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		found.got, found.final = err.Error(), true
		return "", found
	}
	response, err := m.Client.Do(request)
	if err != nil {
		found.got = plain(err)
		return "", found
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBody))
	if err != nil {
		found.got = err.Error()
		return "", found
	}
	var said readiness
	if err := json.Unmarshal(body, &said); err != nil || said.Status == "" {
		found.got = fmt.Sprintf("status %d with %s", response.StatusCode, beginning(body))
		return "", found
	}
	schema := said.Migrations
	switch {
	case schema.Head == 0:
		found.got = "no word about migrations"
	case schema.Status != "ok" || schema.Current < schema.Head:
		found.got = fmt.Sprintf("migration %d of %d", schema.Current, schema.Head)
	case response.StatusCode != http.StatusOK:
		found.got = fmt.Sprintf("status %d, %s %s", response.StatusCode, said.Status, said.Detail)
	default:
		return fmt.Sprintf("migration %d of %d", schema.Current, schema.Head), nil
	}
	return "", found
}
