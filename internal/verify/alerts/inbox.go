package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/inbox"
)

// AwayError says that the inbox can't be read.
type AwayError struct {
	URL   string
	Cause error
}

// Error names the address and the cause.
func (e *AwayError) Error() string {
	return fmt.Sprintf("the inbox of alerts at %s can't be read: %v", e.URL, e.Cause)
}

// Unwrap gives the cause.
func (e *AwayError) Unwrap() error { return e.Cause }

// Inbox reads the inbox whose page is at url. A moment's silence is borne for half a
// minute; then the error is an AwayError.
func Inbox(url string, client *http.Client) func(context.Context) (inbox.List, error) {
	const patience, between, most = 30 * time.Second, time.Second, 16 << 20
	address := strings.TrimSuffix(url, "/") + "/alerts.json"
	read := func(ctx context.Context) (inbox.List, error) {
		var list inbox.List
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		if err != nil {
			return list, err
		}
		answer, err := client.Do(request)
		if err != nil {
			return list, err
		}
		defer func() { _ = answer.Body.Close() }()
		if answer.StatusCode != http.StatusOK {
			return list, fmt.Errorf("it answers %s", answer.Status)
		}
		if err := json.NewDecoder(io.LimitReader(answer.Body, most)).Decode(&list); err != nil {
			return list, fmt.Errorf("it answers something else: %w", err)
		}
		if list.Schema != inbox.Schema {
			return list, fmt.Errorf("it answers in the form %q, where %s is understood", list.Schema, inbox.Schema)
		}
		return list, nil
	}
	return func(ctx context.Context) (inbox.List, error) {
		deadline := time.Now().Add(patience)
		for {
			list, err := read(ctx)
			switch {
			case err == nil:
				return list, nil
			case ctx.Err() != nil:
				return list, context.Cause(ctx)
			case time.Now().After(deadline):
				return list, &AwayError{address, err}
			}
			select {
			case <-ctx.Done():
			case <-time.After(between):
			}
		}
	}
}
