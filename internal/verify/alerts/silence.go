package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Silences keeps Alertmanager from telling anybody of what is broken on purpose.
type Silences struct {
	// URL is Alertmanager's.
	URL    string
	Client *http.Client
}

// Begin silences every alert that is no exercise, for a while or until end is called.
func (s Silences) Begin(ctx context.Context, lasts time.Duration, why string) (end func(context.Context) error, err error) {
	now := time.Now().UTC()
	var made struct {
		ID string `json:"silenceID"`
	}
	if err := s.ask(ctx, http.MethodPost, "silences", map[string]any{
		"matchers": []map[string]any{
			{"name": "drill", "value": "", "isRegex": false, "isEqual": true},
			{"name": "alertname", "value": ".+", "isRegex": true, "isEqual": true}, // one has to match something
		},
		"startsAt": now, "endsAt": now.Add(lasts), "createdBy": "pocctl", "comment": why,
	}, &made); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return s.ask(ctx, http.MethodDelete, "silence/"+made.ID, nil, nil) }, nil
}

func (s Silences) ask(ctx context.Context, method, path string, body, into any) error {
	const most = 64 << 10 // bytes
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.URL, "/")+"/api/v2/"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := s.Client.Do(request)
	if err != nil {
		return fmt.Errorf("ask Alertmanager for a silence: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(answer.Body, most))
	switch {
	case err != nil:
		return fmt.Errorf("ask Alertmanager for a silence: %w", err)
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("ask Alertmanager for a silence: it answers %s: %s", answer.Status, bytes.TrimSpace(said))
	case into == nil:
		return nil
	}
	return json.Unmarshal(said, into)
}
