package inbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"
)

// resolved is Alertmanager's word for what is over.
const resolved = "resolved"

// notification is what Alertmanager's webhook sends, version 4, as far as it is
// used: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
type notification struct {
	Version  string     `json:"version"`
	Receiver string     `json:"receiver"`
	Alerts   []notified `json:"alerts"`
}

type notified struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Fingerprint string            `json:"fingerprint"`
}

// read takes a notification. It refuses what is not one.
func read(from io.Reader) (notification, error) {
	var n notification
	if err := json.NewDecoder(from).Decode(&n); err != nil {
		return n, fmt.Errorf("this is no notification: %w", err)
	}
	if n.Version != "4" {
		return n, fmt.Errorf("notifications of version %q are not understood, only those of 4", n.Version)
	}
	if n.Receiver == "" || len(n.Alerts) == 0 {
		return n, errors.New("this notification names no receiver or no alert")
	}
	for i, one := range n.Alerts {
		if one.Labels["alertname"] == "" || one.Fingerprint == "" || (one.Status != resolved && one.Status != "firing") {
			return n, fmt.Errorf("alert %d has no name, no fingerprint or no status", i+1)
		}
	}
	return n, nil
}

func (n notified) alert(receiver string, now time.Time) Alert {
	return Alert{
		Name: n.Labels["alertname"], Severity: n.Labels["severity"], Drill: n.Labels["drill"], Receiver: receiver,
		Labels: maps.Clone(n.Labels), Annotations: maps.Clone(n.Annotations), Fingerprint: n.Fingerprint, Started: n.StartsAt, Received: now,
	}
}
