package scenario

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/load"
)

// What a scenario may be at most.
const (
	mostOperations = 1000
	mostStages     = 1000
	mostTargets    = 100_000
	mostValues     = 1_000_000
	mostWeight     = 1_000_000
	mostRate       = 1_000_000.0
	longest        = 7 * 24 * time.Hour
)

// reader checks what was decoded.
type reader struct {
	config.File
	open func(name string) ([]byte, error)
}

var name = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (r reader) variables(written map[string]variable) ([]load.Variable, error) {
	var made []load.Variable
	for _, called := range slices.Sorted(maps.Keys(written)) {
		key, one := "variables."+called, written[called]
		switch {
		case !name.MatchString(called):
			return nil, r.Invalid(key, "use small letters, digits and underscores, for example search_term", "is no name of a variable")
		case slices.Contains(load.Blanks(), called):
			return nil, r.Invalid(key, "give it another name", "has the name of what is there anyway")
		case one.Order != "" && one.Order != "random" && one.Order != "sequence":
			return nil, r.Invalid(key+".order", "write random or sequence", "is %q", one.Order)
		case (len(one.Values) == 0) == (one.File == ""):
			return nil, r.Invalid(key, "give it values: [a, b], or file: names.txt", "has to have either values or a file")
		case one.Column != "" && !isCSV(one.File):
			return nil, r.Invalid(key+".column", "remove it, or name a file that ends in .csv", "is of no use: there are no columns")
		}
		values, at := one.Values, key+".values"
		if one.File != "" {
			var err error
			at = key + ".file"
			if values, err = r.valuesOf(one); err != nil {
				return nil, r.Invalid(at, "name a file beside the scenario, with a value a line or as .csv with a header", "%s: %v", one.File, err)
			}
		}
		if len(values) == 0 || len(values) > mostValues {
			return nil, r.Invalid(at, fmt.Sprintf("give it from 1 to %d", mostValues), "has %d values", len(values))
		}
		if i := slices.IndexFunc(values, unprintable); i >= 0 {
			return nil, r.Invalid(at, "take it out", "has a value that is no text of one line: %q", values[i])
		}
		made = append(made, load.Variable{Name: called, Values: values, InOrder: one.Order == "sequence"})
	}
	return made, nil
}

func isCSV(file string) bool { return strings.HasSuffix(strings.ToLower(file), ".csv") }

// valuesOf reads a value a line, or a column of a file with a header.
func (r reader) valuesOf(one variable) ([]string, error) {
	data, err := r.open(one.File)
	if err != nil {
		return nil, err
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	if !isCSV(one.File) {
		var values []string
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				values = append(values, line)
			}
		}
		return values, nil
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, nil
	}
	column := slices.Index(rows[0], one.Column)
	if one.Column == "" && len(rows[0]) == 1 {
		column = 0
	}
	if column < 0 {
		return nil, fmt.Errorf("there is no column %q; there are %s", one.Column, strings.Join(rows[0], ", "))
	}
	var values []string
	for _, row := range rows[1:] {
		values = append(values, row[column])
	}
	return values, nil
}

// unprintable refuses what would break a request apart.
func unprintable(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl)
}

func (r reader) operations(written []operation, into *load.Scenario) error {
	if len(written) == 0 || len(written) > mostOperations {
		return r.Invalid("operations", fmt.Sprintf("list from 1 to %d requests under it", mostOperations), "has %d requests", len(written))
	}
	seen := map[string]bool{}
	for i, one := range written {
		key := fmt.Sprintf("operations[%d]", i)
		if one.Name == "" || unprintable(one.Name) {
			return r.Invalid(key+".name", "give it a name, for example read", "is %q", one.Name)
		}
		if seen[one.Name] {
			return r.Invalid(key+".name", "give every operation a name of its own", "%s is used twice", one.Name)
		}
		seen[one.Name] = true
		if one.Weight <= 0 || one.Weight > mostWeight {
			return r.Invalid(key+".weight", "write its share of all requests, for example 70", "is %d", one.Weight)
		}
		made, err := r.operation(key, one, load.Blanks(), *into)
		if err != nil {
			return err
		}
		if i == 0 && strings.Contains(one.Path, "{made}") {
			return r.Invalid(key+".path", "put another operation first", "has {made}, but the first operation stands in for others while nothing is made")
		}
		into.Operations = append(into.Operations, made)
	}
	return nil
}

// operation checks one request, in which names and the scenario's variables may stand.
func (r reader) operation(key string, one operation, names []string, scenario load.Scenario) (load.Operation, error) {
	made := load.Operation{
		Name: one.Name, Weight: one.Weight, Method: one.Method, Path: one.Path, Body: one.Body, Headers: one.Headers,
		Expect: one.Expect, Cached: one.Cached, Makes: one.Makes,
	}
	methods := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
	if !slices.Contains(methods, one.Method) {
		return made, r.Invalid(key+".method", "write one of "+strings.Join(methods, ", "), "is %q", one.Method)
	}
	if !strings.HasPrefix(one.Path, "/") || unprintable(one.Path) || strings.ContainsAny(one.Path, " #") {
		return made, r.Invalid(key+".path", "begin it with a slash; it is added to the environment's load.path, for example /products/{target}", "is %q", one.Path)
	}
	for _, header := range slices.Sorted(maps.Keys(one.Headers)) {
		if !headerName.MatchString(header) || unprintable(one.Headers[header]) {
			return made, r.Invalid(key+".headers", "write a header's name and its value, of one line", "has %q: %q", header, one.Headers[header])
		}
	}
	for i, status := range one.Expect {
		if status < 100 || status > 599 {
			return made, r.Invalid(fmt.Sprintf("%s.expect[%d]", key, i), "write statuses of HTTP, for example [200, 404]", "is %d", status)
		}
	}
	for _, part := range []struct{ key, text string }{{".path", one.Path}, {".body", one.Body}} {
		if err := scenario.Unknown(load.Operation{Name: "it", Path: part.text}, names); err != nil {
			return made, r.unknown(key+part.key, err, names, scenario)
		}
	}
	if err := scenario.Unknown(load.Operation{Name: "it", Headers: one.Headers}, names); err != nil {
		return made, r.unknown(key+".headers", err, names, scenario)
	}
	if strings.Contains(one.Body, "{made}") && !strings.Contains(one.Path, "{made}") {
		return made, r.Invalid(key+".body", "put it into the path, too", "has {made}, which the path has not")
	}
	return made, nil
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (r reader) unknown(key string, err error, names []string, scenario load.Scenario) error {
	known := slices.Clone(names)
	for _, variable := range scenario.Variables {
		known = append(known, variable.Name)
	}
	return r.Invalid(key, "use one of {"+strings.Join(known, "}, {")+"}, or add it under variables", "%s", strings.TrimPrefix(err.Error(), "it "))
}

func (r reader) targets(written targets, into *load.Scenario) error {
	uses := slices.IndexFunc(into.Operations, func(o load.Operation) bool {
		return slices.Contains(load.Names(o.Path+o.Body+strings.Join(slices.Collect(maps.Values(o.Headers)), "")), "target")
	})
	if written.Count == 0 {
		if uses >= 0 {
			return r.Invalid(fmt.Sprintf("operations[%d]", uses), "say under targets how many there are, and how they are made", "has {target}, but there are no targets")
		}
		return nil
	}
	if written.Count < 0 || written.Count > mostTargets {
		return r.Invalid("targets.count", fmt.Sprintf("write a number up to %d", mostTargets), "is %d", written.Count)
	}
	if !(written.Skew > 1 && written.Skew <= 100) {
		return r.Invalid("targets.skew", "write a number above 1, and a larger one for fewer favourites, for example 1.1", "is %v", written.Skew)
	}
	written.Create.Name, written.Delete.Name = "prepare", "remove"
	create, err := r.operation("targets.create", written.Create, []string{"number", "run"}, *into)
	if err != nil {
		return err
	}
	into.Targets = load.Targets{Count: written.Count, Skew: written.Skew, Create: create}
	if written.Delete.Method == "" && written.Delete.Path == "" {
		return nil // they stay
	}
	into.Targets.Delete, err = r.operation("targets.delete", written.Delete, []string{"target", "run"}, load.Scenario{})
	return err
}

func (r reader) stages(written []stage) ([]load.Stage, error) {
	if len(written) > mostStages {
		return nil, r.Invalid("stages", fmt.Sprintf("list at most %d", mostStages), "has %d", len(written))
	}
	var made []load.Stage
	var total time.Duration
	measured := false
	for i, one := range written {
		key := fmt.Sprintf("stages[%d]", i)
		stage, err := r.stage(key, i, one)
		if err != nil {
			return nil, err
		}
		if total += stage.Duration; total > longest {
			return nil, r.Invalid(key+".duration", fmt.Sprintf("keep all stages together under %s", longest), "makes the load longer than that")
		}
		made, measured = append(made, stage), measured || !stage.Warmup
	}
	if len(made) > 0 && !measured {
		return nil, r.Invalid("stages", "add one that is no warm-up", "has nothing that is measured")
	}
	return made, nil
}

func (r reader) stage(key string, number int, one stage) (load.Stage, error) {
	made := load.Stage{Name: one.Name, Rate: one.Rate, Duration: one.Duration, Warmup: one.Warmup}
	if one.Name == "" {
		made.Name = fmt.Sprintf("stage %d", number+1)
	}
	if unprintable(one.Name) {
		return made, r.Invalid(key+".name", "write a word or two", "is %q", one.Name)
	}
	ramp := one.From != 0 || one.To != 0
	switch {
	case ramp && one.Rate != 0:
		return made, r.Invalid(key+".rate", "keep either rate, or from and to", "is given beside from or to")
	case ramp:
		made.Rate, made.From, made.Climb = one.To, one.From, true
	}
	field, rate := ".rate", made.Rate
	if ramp {
		field = ".to"
	}
	if !(rate > 0 && rate <= mostRate) {
		return made, r.Invalid(key+field, "write requests a second, for example rate: 300, or from: 300 and to: 600", "is %v", rate)
	}
	if !(made.From >= 0 && made.From <= mostRate) {
		return made, r.Invalid(key+".from", "write requests a second, for example 300", "is %v", made.From)
	}
	if one.Duration < time.Millisecond || one.Duration > longest {
		return made, r.Invalid(key+".duration", "write how long it is, for example 30s or 10m", "is %s", one.Duration)
	}
	return made, nil
}
