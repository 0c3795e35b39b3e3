package inbox

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle string
)

// shown is an alert as the page has it.
type shown struct {
	Alert
	Firing                        bool
	Since, Lasted                 string
	Summary, Description, Runbook string
	Deploy, Place                 string
}

// page writes the list for people. It is fetched again every few seconds.
func page(w http.ResponseWriter, list List, now time.Time) {
	parsed, err := template.New("page").Parse(pageText)
	if err == nil {
		var text bytes.Buffer
		if err = parsed.Execute(&text, data(list, now)); err == nil {
			header := w.Header()
			sum := sha256.Sum256([]byte(pageStyle))
			header.Set("Content-Type", "text/html; charset=utf-8")
			header.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'", base64.StdEncoding.EncodeToString(sum[:])))
			header.Set("Referrer-Policy", "no-referrer")
			header.Set("Cache-Control", "no-store")
			_, _ = w.Write(text.Bytes()) // the reader may have gone
			return
		}
	}
	http.Error(w, "the page can't be made: "+err.Error(), http.StatusInternalServerError)
}

func data(list List, now time.Time) map[string]any {
	alerts, firing := make([]shown, 0, len(list.Alerts)), 0
	for _, one := range list.Alerts {
		s := shown{
			Alert: one, Firing: one.Resolved == nil, Since: one.Started.UTC().Format("2 Jan 15:04:05"),
			Summary: one.Annotations["summary"], Description: one.Annotations["description"], Deploy: one.Annotations["last_deploy"],
			Runbook: one.Annotations["runbook_url"], Place: one.Labels["job"],
		}
		end := now
		if s.Firing {
			firing++
		} else {
			end = *one.Resolved
		}
		s.Lasted = max(end.Sub(one.Started), 0).Round(time.Second).String()
		if pod := one.Labels["pod"]; pod != "" {
			s.Place = pod
		}
		alerts = append(alerts, s)
	}
	return map[string]any{
		"Style":  template.CSS(pageStyle), //nolint:gosec // it is built in
		"Alerts": alerts, "Firing": firing, "Now": now.UTC().Format("2 January 2006 15:04:05"),
	}
}
