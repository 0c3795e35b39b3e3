package load

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

// Variable is a name that a template may hold in braces, with what it stands for.
type Variable struct {
	Name   string
	Values []string
	// InOrder takes the values one after the other, and begins again after the last;
	// otherwise they are drawn at random.
	InOrder bool
}

// place is where a value is put, which says what has to be escaped.
type place int

const (
	inPath place = iota
	inQuery
	inBody // within quotes of JSON
	inHeader
	places
)

// feed is a variable, ready to be put anywhere.
type feed struct {
	name    string
	inOrder bool
	forms   [places][]string
}

func newFeed(variable Variable) *feed {
	f := &feed{name: variable.Name, inOrder: variable.InOrder}
	for _, value := range variable.Values {
		quoted, _ := json.Marshal(value) // text always has a form in JSON
		f.forms[inPath] = append(f.forms[inPath], url.PathEscape(value))
		f.forms[inQuery] = append(f.forms[inQuery], url.QueryEscape(value))
		f.forms[inBody] = append(f.forms[inBody], strings.Trim(string(quoted), `"`))
		f.forms[inHeader] = append(f.forms[inHeader], value)
	}
	return f
}

func newFeeds(variables []Variable) []*feed {
	feeds := make([]*feed, len(variables))
	for i, variable := range variables {
		feeds[i] = newFeed(variable)
	}
	return feeds
}

// draw gives the place of the value for a request, the number of which counts from 1.
func (f *feed) draw(random *rand.Rand, number int64) int {
	values := len(f.forms[inHeader])
	if f.inOrder {
		return int((number - 1) % int64(values))
	}
	return random.IntN(values)
}

// Blanks are the names that stand for something in every scenario.
func Blanks() []string { return []string{"target", "made", "number", "run"} }

func (v Variable) validate() error {
	for _, name := range Blanks() {
		if v.Name == name {
			return fmt.Errorf("the variable %s has the name of what is there anyway", v.Name)
		}
	}
	if !blank.MatchString("{" + v.Name + "}") {
		return fmt.Errorf("the variable %q: names are small letters, digits and underscores", v.Name)
	}
	if len(v.Values) == 0 {
		return fmt.Errorf("the variable %s has no values", v.Name)
	}
	return nil
}
