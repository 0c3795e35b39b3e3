package dashboards

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// schemaVersion is that of Grafana 11; later ones read it.
const schemaVersion = 39

// object is one of Grafana's JSON. Keys are sorted, so that files differ only where
// dashboards do.
type object = map[string]any

// File is the name of the dashboard's file.
func (d Dashboard) File() string { return d.UID + ".json" }

// Grafana writes the dashboard in Grafana's JSON, with variables for the datasource,
// the namespace and the job.
func (d Dashboard) Grafana() ([]byte, error) {
	var panels []object
	for i, place := range places(d.Panels) {
		panels = append(panels, d.Panels[i].grafana(i+1, place))
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(object{
		"uid": d.UID, "title": d.Title, "description": d.Description, "schemaVersion": schemaVersion,
		"tags": []string{"pocctl"}, "editable": false, "graphTooltip": 1, "refresh": "30s", "timezone": "browser",
		"time":        object{"from": "now-1h", "to": "now"},
		"links":       []object{{"type": "dashboards", "title": "pocctl", "tags": []string{"pocctl"}, "asDropdown": true, "includeVars": true, "keepTime": true}},
		"templating":  object{"list": variables()},
		"annotations": object{"list": []object{}},
		"panels":      panels,
	}); err != nil {
		return nil, fmt.Errorf("write dashboard %s: %w", d.UID, err)
	}
	return text.Bytes(), nil
}

func variables() []object {
	source := object{"type": "prometheus", "uid": "${datasource}"}
	label := func(name, query string) object {
		return object{
			"type": "query", "name": name, "label": name, "datasource": source, "definition": query, "query": object{"query": query, "refId": name},
			"refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".*", "current": object{"text": []string{"All"}, "value": []string{"$__all"}},
		}
	}
	return []object{
		{"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "refresh": 1},
		label("namespace", "label_values(app_build_info, namespace)"),
		label("job", `label_values(app_build_info{namespace=~"$namespace"}, job)`),
	}
}

// place is where a panel is on Grafana's grid, which is 24 wide.
type place struct{ x, y, w, h int }

// places fills rows from the left. Panels of one row are equally high.
func places(panels []Panel) []place {
	const width = 24
	var all []place
	x, y, height := 0, 0, 0
	for _, panel := range panels {
		w, h := 12, 8
		if panel.Kind == Stat {
			w, h = 6, 4
		}
		if x+w > width || x > 0 && h != height {
			x, y = 0, y+height
		}
		all = append(all, place{x, y, w, h})
		x, height = x+w, h
	}
	return all
}

func (p Panel) grafana(id int, at place) object {
	var targets []object
	for i, query := range p.Queries {
		target := object{
			"refId": string(rune('A' + i)), "expr": query.Expr, "legendFormat": query.Legend,
			"instant": p.Kind.Instant(), "range": !p.Kind.Instant(),
		}
		switch p.Kind {
		case Table:
			target["format"] = "table"
		case Heatmap:
			target["format"] = "heatmap"
		case Timeseries, Stat:
		}
		targets = append(targets, target)
	}
	defaults := object{"unit": grafanaUnit(p.Unit), "thresholds": colours(p.Thresholds), "color": object{"mode": "palette-classic"}}
	if p.PossiblyEmpty != "" {
		defaults["noValue"] = p.PossiblyEmpty
	}
	made := object{
		"id": id, "type": string(p.Kind), "title": p.Title, "description": p.Description,
		"datasource": object{"type": "prometheus", "uid": "${datasource}"},
		"gridPos":    object{"x": at.x, "y": at.y, "w": at.w, "h": at.h},
		"targets":    targets, "fieldConfig": object{"defaults": defaults, "overrides": []object{}},
	}
	switch p.Kind {
	case Timeseries:
		custom := object{"lineWidth": 2, "fillOpacity": 0, "showPoints": "never", "spanNulls": false, "axisSoftMin": 0}
		if len(p.Thresholds) > 0 {
			custom["thresholdsStyle"] = object{"mode": "dashed"}
		}
		defaults["custom"] = custom
		made["options"] = object{
			"legend":  object{"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": []string{"lastNotNull", "max"}},
			"tooltip": object{"mode": "multi", "sort": "desc"},
		}
	case Stat:
		defaults["color"] = object{"mode": "thresholds"}
		made["options"] = object{"colorMode": "value", "graphMode": "none", "textMode": "value", "reduceOptions": object{"calcs": []string{"lastNotNull"}, "values": false}}
	case Table:
		made["options"] = object{"showHeader": true, "cellHeight": "sm"}
		made["transformations"] = []object{{"id": "organize", "options": object{"excludeByName": object{"Time": true}, "renameByName": object{"Value": p.Queries[0].Legend}}}}
	case Heatmap:
		made["options"] = object{
			"calculate": false, "yAxis": object{"unit": grafanaUnit(p.Unit)}, "cellGap": 1,
			"color": object{"mode": "scheme", "scheme": "Blues", "steps": 64}, "tooltip": object{"mode": "single"},
		}
	}
	return made
}

// colours tell which side of the thresholds a value is on. Steps go upwards, which
// the burn alerts' don't.
func colours(thresholds []Threshold) object {
	const good, bad = "green", "red"
	made := []object{{"color": good, "value": nil}}
	for _, one := range thresholds {
		if one.Floor {
			made = []object{{"color": bad, "value": nil}, {"color": good, "value": one.Value}}
			break
		}
	}
	upwards := slices.SortedFunc(slices.Values(thresholds), func(a, b Threshold) int { return cmp.Compare(a.Value, b.Value) })
	for _, one := range upwards {
		if !one.Floor {
			made = append(made, object{"color": bad, "value": one.Value})
		}
	}
	return object{"mode": "absolute", "steps": made}
}

// grafanaUnit is Grafana's name of the unit.
func grafanaUnit(u Unit) string {
	switch u {
	case Seconds:
		return "s"
	case Share:
		return "percentunit"
	case PerSecond:
		return "ops"
	case Bytes:
		return "bytes"
	case Multiple:
		return "suffix:×"
	case Count, Cores:
		return "short"
	}
	return "none"
}
