package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestJUnit(t *testing.T) {
	all := documents()
	for name, d := range withLoad() {
		all[name] = d
	}
	for name, d := range all {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			if err := d.JUnit(&text); err != nil {
				t.Fatal(err)
			}
			if slices.Contains([]string{"violated-load", "failed", "refused", "interrupted", "void", "passed"}, name) {
				golden(t, name+".xml", text.String())
			}
			if problem := againstSchema(text.String()); problem != "" {
				t.Errorf("%s\n%s", problem, text.String())
			}
		})
	}
}

// againstSchema says what of a report is against the schema of Ant's JUnit task, which
// has an order of elements, attributes that are required, and no others.
func againstSchema(text string) string {
	attributes := map[string][]string{
		"testsuites": {}, "properties": {}, "system-out": {}, "system-err": {}, "skipped": {},
		"testsuite": {"id", "package", "name", "hostname", "timestamp", "tests", "failures", "errors", "skipped", "time"},
		"property":  {"name", "value"}, "testcase": {"classname", "name", "time"}, "error": {"type", "message"}, "failure": {"type", "message"},
	}
	children := map[string][]string{
		"testsuites": {"testsuite"}, "testsuite": {"properties", "testcase", "system-out", "system-err"},
		"properties": {"property"}, "testcase": {"skipped", "error", "failure"},
	}
	once := []string{"properties", "system-out", "system-err"}
	seen := []map[string]int{{}}
	var open []string
	for decoder := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err.Error()
		}
		switch element := token.(type) {
		case xml.StartElement:
			name := element.Name.Local
			var has []string
			for _, one := range element.Attr {
				has = append(has, one.Name.Local)
				switch one.Name.Local {
				case "tests", "failures", "errors", "skipped", "id":
					if _, err := strconv.ParseUint(one.Value, 10, 31); err != nil {
						return name + ": " + err.Error()
					}
				case "time":
					if _, err := strconv.ParseFloat(one.Value, 64); err != nil {
						return name + ": " + err.Error()
					}
				case "name", "hostname", "classname":
					if strings.TrimSpace(one.Value) == "" {
						return name + " has an empty " + one.Name.Local
					}
				}
			}
			if !slices.Equal(has, attributes[name]) {
				return name + " has the attributes " + strings.Join(has, ", ")
			}
			if len(open) > 0 {
				parent := open[len(open)-1]
				place := slices.Index(children[parent], name)
				if place < 0 {
					return parent + " has a " + name
				}
				here := seen[len(seen)-1]
				for _, later := range children[parent][place+1:] {
					if here[later] > 0 {
						return name + " comes after " + later
					}
				}
				if here[name]++; here[name] > 1 && slices.Contains(once, name) {
					return name + " twice"
				}
				if parent == "testcase" && here["skipped"]+here["error"]+here["failure"] > 1 {
					return "a case has two outcomes"
				}
			}
			open, seen = append(open, name), append(seen, map[string]int{})
		case xml.EndElement:
			here := seen[len(seen)-1]
			if element.Name.Local == "testsuite" && (here["properties"] != 1 || here["system-out"] != 1 || here["system-err"] != 1) {
				return "a suite lacks what it has to have"
			}
			open, seen = open[:len(open)-1], seen[:len(seen)-1]
		}
	}
	return ""
}
