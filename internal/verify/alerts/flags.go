package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

// Flags overrides feature flags of the service, as its administrators do.
type Flags struct {
	// Root is where the service's API is, for example "http://127.0.0.1:8080/api/v1".
	Root string
	// Token gives tokens of the role admin.
	Token oauth2.TokenSource
	// Lasts is how long an override lasts that nobody takes back.
	Lasts time.Duration
	// Client is http.DefaultClient if nil.
	Client *http.Client
}

// Drill is a fault that an override of a flag makes.
func (f Flags) Drill(name, flag string, value any, alerts ...string) Drill {
	return Drill{
		Name: name, Alerts: alerts,
		Make: func(ctx context.Context) error {
			return f.send(ctx, http.MethodPut, flag, map[string]any{
				"value": value, "reason": "pocctl verify --alerts: " + name, "seconds": int64(f.Lasts.Seconds()),
			})
		},
		End: func(ctx context.Context) error { return f.send(ctx, http.MethodDelete, flag, nil) },
	}
}

func (f Flags) send(ctx context.Context, method, flag string, body any) error {
	const most = 4 << 10 // bytes of an answer that are shown
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		text = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, f.Root+"/admin/flags/"+flag+"/override", text)
	if err != nil {
		return err
	}
	token, err := f.Token.Token()
	if err != nil {
		return fmt.Errorf("get a token of an administrator: %w", err)
	}
	token.SetAuthHeader(request)
	request.Header.Set("Content-Type", "application/json")
	client := f.Client
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, most))
	// A flag that nobody overrides is as it should be.
	if answer.StatusCode/100 != 2 && (method != http.MethodDelete || answer.StatusCode != http.StatusNotFound) {
		return fmt.Errorf("%s the override of flag %s: %s: %s", method, flag, answer.Status, bytes.TrimSpace(said))
	}
	return nil
}
