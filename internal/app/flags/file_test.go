package flags

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const configuration = "../../../config/"

func builtInFile(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(configuration + "feature-flags.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func percent(share float64) *float64 { return &share }

func TestTheFileThatIsBuiltIn(t *testing.T) {
	rules, err := parse(builtInFile(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(own(), rules.order); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	for key, variant := range map[string]string{
		ProductCache: "on", RateLimiting: "on", ExperimentalSearch: "off", FaultInjection: "off",
	} {
		if flag := rules.flags[key]; flag.Default != variant || !flag.Enabled {
			t.Errorf("%s is %s, enabled: %t; want %s, enabled", key, flag.Default, flag.Enabled, variant)
		}
	}
	if spec, err := faultSpec(rules.flags[FaultInjection].Variants["off"]); err != nil || spec.Injects() {
		t.Errorf("fault injection that is off injects %+v (%v)", spec, err)
	}
}

func TestAFileIsReadWhole(t *testing.T) {
	rules, err := parse([]byte(`
flags:
  banner:
    description: Shown on top.
    type: string
    variants: {none: "", sale: "Everything must go", 2nd: 'Again'}
    default: none
    enabled: false
    rules:
      - {roles: [viewer, anonymous], variant: sale}
      - {subjects: [ann, "b o b"], percent: 12.5, by: subject, variant: 2nd}
  page-size:
    description: Items on a page.
    type: number
    variants: {small: 10, large: 1e2, odd: 0x10, half: -0.5}
    default: small
  layout:
    description: Where things go.
    type: object
    variants:
      plain: {columns: 1, names: [a, b], nested: {deep: true, nothing: null}}
    default: plain
    rules:
      - percent: 0
        by: address
        variant: plain
`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]*Flag{
		"banner": {
			Key: "banner", Description: "Shown on top.", Type: String, Default: "none",
			Variants: map[string]any{"none": "", "sale": "Everything must go", "2nd": "Again"},
			Rules: []Rule{
				{Roles: []string{"viewer", Anonymous}, Variant: "sale"},
				{Subjects: []string{"ann", "b o b"}, Percent: percent(12.5), By: BySubject, Variant: "2nd"},
			},
		},
		"page-size": {
			Key: "page-size", Description: "Items on a page.", Type: Number, Default: "small", Enabled: true,
			Variants: map[string]any{"small": 10.0, "large": 100.0, "odd": 16.0, "half": -0.5},
		},
		"layout": {
			Key: "layout", Description: "Where things go.", Type: Object, Default: "plain", Enabled: true,
			Variants: map[string]any{"plain": map[string]any{
				"columns": 1.0, "names": []any{"a", "b"}, "nested": map[string]any{"deep": true, "nothing": nil},
			}},
			Rules: []Rule{{Percent: percent(0), By: ByAddress, Variant: "plain"}},
		},
	}
	if diff := cmp.Diff(want, rules.flags); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"banner", "page-size", "layout"}, rules.order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// with is a file with a flag x whose keys are the given ones.
func with(keys string) string { return "flags:\n  x:\n" + indented(keys, "    ") }

func indented(lines, by string) string {
	return by + strings.ReplaceAll(lines, "\n", "\n"+by) + "\n"
}

const anyBoolean = "description: d\ntype: boolean\ndefault: on\n"

// wrong are files that are refused, and what is said of them.
func wrong() []struct {
	name, file, want string
	schemaTakes      bool // it can't say so, or another reader of YAML sees nothing wrong
} {
	return []struct {
		name, file, want string
		schemaTakes      bool
	}{
		{"nothing", "", "is empty", false},
		{"comments alone", "# flags:\n", "is empty", false},
		{"half a line", "fla", "must be a mapping of keys to values", false},
		{"no flags", "{}", "has no key flags", false},
		{"flags cut off", "flags:", "line 1: flags must be a mapping", false},
		{"a list of flags", "flags: [a]", "line 1: flags must be a mapping", false},
		{"another key", "flags: {}\nflag: {}\n", "line 2: flag is not a known key; those known here are flags", false},
		{"not YAML", "flags:\n  a: [", "can't be read as YAML, near line", false},
		{"two documents", "flags: {}\n---\nflags: {}\n", "line 2: a second YAML document begins here", true},
		{"broken after the first", "flags: {}\n---\n[", "can't be read as YAML", true},
		{"a flag twice", "flags:\n  a: {description: d, type: boolean, default: on}\n  a: {}\n", "flags.a is given twice", false},
		{"a number as a key", "flags: {1: {}}", "flags must be a mapping whose keys are all text", false},
		{"a strange name", "flags: {A_b: {}}", "flags.A_b must be named by small letters", false},
		{"a dash at the end", "flags: {a-: {}}", "flags.a- must be named by small letters", false},
		{"a long name", "flags: {" + strings.Repeat("a", 65) + ": {}}", "at most 64", false},
		{"no description", with("type: boolean\ndefault: on"), "line 2: flags.x needs a description", false},
		{"no type", with("description: d\ndefault: on"), "flags.x needs a type", false},
		{"no default", with("description: d\ntype: boolean"), "flags.x needs a default", false},
		{"an unknown type", with("description: d\ntype: bool\ndefault: on"), `flags.x has the type "bool"`, false},
		{"an unknown key", with(anyBoolean + "enable: true"), "line 6: flags.x.enable is not a known key; those known here are default, description, enabled, rules, type, variants", false},
		{"enabled as text", with(anyBoolean + `enabled: "true"`), "line 6: flags.x.enabled must be true or false", false},
		{"a truth as default", with("description: d\ntype: boolean\ndefault: true"), "flags.x.default must be text; if it is meant to be, put it in quotes", false},
		{"an unknown default", with("description: d\ntype: boolean\ndefault: maybe"), `flags.x has the default "maybe", but the variants off, on`, true},
		{"no variants", with("description: d\ntype: string\ndefault: on"), "flags.x needs variants", false},
		{"empty variants", with("description: d\ntype: string\ndefault: a\nvariants: {}"), `flags.x has the default "a", but the variants`, false},
		{"a variant of another type", with(anyBoolean + "variants: {on: true, off: 0}"), "line 6: flags.x.variants.off must be of type boolean", false},
		{"a variant that is nothing", with("description: d\ntype: object\ndefault: a\nvariants: {a: }"), "flags.x.variants.a must be of type object", false},
		{"a variant that is a list", with("description: d\ntype: object\ndefault: a\nvariants: {a: []}"), "flags.x.variants.a must be of type object", false},
		{"the reserved variant", with(anyBoolean + "variants: {custom: true}"), `and not "custom"`, false},
		{"a date", with("description: d\ntype: string\ndefault: a\nvariants: {a: 2026-01-02}"), "flags.x.variants.a is !!timestamp, which JSON has not", false},
		{"no number", with("description: d\ntype: number\ndefault: a\nvariants: {a: .inf}"), "flags.x.variants.a must be a number", false},
		{"a number too large", with("description: d\ntype: number\ndefault: a\nvariants: {a: 9007199254740993}"), "more than a JSON number can hold", true},
		{"an alias", "flags:\n  x: &x {description: d, type: boolean, default: on}\n  y: *x\n", "line 2: flags.x is an anchor or an alias", true},
		{"rules as a mapping", with(anyBoolean + "rules: {}"), "flags.x.rules must be a list", false},
		{"a rule for nobody", with(anyBoolean + "rules:\n- {variant: on}"), "line 7: flags.x.rules[0] needs roles, subjects or percent", false},
		{"a rule for nothing", with(anyBoolean + "rules:\n- {percent: 1}"), "flags.x.rules[0] needs a variant, one of off, on", false},
		{"an unknown variant", with(anyBoolean + "rules:\n- {percent: 1, variant: up}"), "flags.x.rules[0] needs a variant, one of off, on", true},
		{"an unknown role", with(anyBoolean + "rules:\n- {roles: [admin, root], variant: on}"), `flags.x.rules[0].roles[1] is "root"; anonymous, viewer, editor or admin is wanted`, false},
		{"no roles", with(anyBoolean + "rules:\n- {roles: [], variant: on}"), "flags.x.rules[0].roles is empty", false},
		{"a role alone", with(anyBoolean + "rules:\n- {roles: admin, variant: on}"), "flags.x.rules[0].roles must be a list", false},
		{"a subject that is none", with(anyBoolean + "rules:\n- {subjects: [7], variant: on}"), "flags.x.rules[0].subjects[0] must be text", false},
		{"a percentage too large", with(anyBoolean + "rules:\n- {percent: 100.1, variant: on}"), "flags.x.rules[0].percent must be a number from 0 to 100", false},
		{"a percentage too small", with(anyBoolean + "rules:\n- {percent: -1, variant: on}"), "flags.x.rules[0].percent must be a number from 0 to 100", false},
		{"a percentage as text", with(anyBoolean + "rules:\n- {percent: 5%, variant: on}"), "flags.x.rules[0].percent must be a number from 0 to 100", false},
		{"by something else", with(anyBoolean + "rules:\n- {percent: 1, by: role, variant: on}"), `flags.x.rules[0] has by "role"; subject or address is wanted`, false},
		{"by without percent", with(anyBoolean + "rules:\n- {roles: [admin], by: subject, variant: on}"), "flags.x.rules[0] has by without percent", false},
		{"a flag of ours of another type", "flags: {product-cache: {description: d, type: string, default: a, variants: {a: b}}}", "flags.product-cache must be of type boolean, which the service asks for", false},
		{"faults out of range", "flags: {fault-injection: {description: d, type: object, default: a, variants: {a: {error_percent: 101}}}}", "flags.fault-injection.variants.a doesn't fit: error_percent must be from 0 to 100", false},
		{"faults unknown", "flags: {fault-injection: {description: d, type: object, default: a, variants: {a: {errors: 1}}}}", "must have no fields but error_percent", false},
		{"faults as text", "flags: {fault-injection: {description: d, type: object, default: a, variants: {a: {latency_ms: 5s}}}}", `must have a number as "latency_ms"`, false},
	}
}

func TestWhatIsWrongIsPointedAt(t *testing.T) {
	for _, test := range wrong() {
		t.Run(test.name, func(t *testing.T) {
			err := Check([]byte(test.file))
			var where *FileError
			if !errors.As(err, &where) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want a *FileError with %q", err, test.want)
			}
		})
	}
	if err := Check([]byte("flags: {}")); err != nil {
		t.Errorf("no flags at all: %v, want nothing", err)
	}
}

func TestTheSchemaAgreesWithTheParser(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(configuration + "feature-flags.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(file string) error {
		var document any
		if err := yaml.Unmarshal([]byte(file), &document); err != nil {
			return err
		}
		return schema.Validate(document)
	}
	for _, right := range []string{
		string(builtInFile(t)), "flags: {}", with(anyBoolean), with(anyBoolean + "rules: []"),
		with(anyBoolean + "rules:\n- {roles: [admin], subjects: [a], percent: 1, by: address, variant: on}"),
	} {
		if err := validate(right); err != nil {
			t.Errorf("the schema refuses\n%s: %v", right, err)
		}
		if err := Check([]byte(right)); err != nil {
			t.Errorf("the parser refuses\n%s: %v", right, err)
		}
	}
	for _, test := range wrong() {
		if err := validate(test.file); (err == nil) != test.schemaTakes {
			t.Errorf("%s: the schema says %v; want it to take that: %t", test.name, err, test.schemaTakes)
		}
	}
}

func TestTheExampleOfTheDocumentationIsRight(t *testing.T) {
	page, err := os.ReadFile("../../../docs/service/flags.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, found := strings.Cut(example, "```\n")
	if !found {
		t.Fatal("there is no example")
	}
	if err := Check([]byte(example)); err != nil {
		t.Errorf("%v in\n%s", err, example)
	}
}

func TestWhatAFileLeavesOutIsAsBuiltIn(t *testing.T) {
	builtIn, err := parse(builtInFile(t))
	if err != nil {
		t.Fatal(err)
	}
	mine, err := parse([]byte("flags:\n  beta: {description: d, type: boolean, default: off}\n" +
		"  rate-limiting: {description: mine, type: boolean, default: off}\n"))
	if err != nil {
		t.Fatal(err)
	}
	merged := mine.over(builtIn)
	if diff := cmp.Diff(append(own(), "beta"), merged.order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if got := merged.flags[RateLimiting].Description; got != "mine" {
		t.Errorf("rate-limiting is %q, want the file's own", got)
	}
	if merged.flags[ProductCache] != builtIn.flags[ProductCache] || builtIn.flags["beta"] != nil {
		t.Error("what is built in was changed")
	}
	if merged.revision != mine.revision || merged.revision == builtIn.revision {
		t.Errorf("revision %s, want that of the file, %s", merged.revision, mine.revision)
	}
}

func TestAFileThatIsTooLarge(t *testing.T) {
	path := t.TempDir() + "/flags.yaml"
	if err := os.WriteFile(path, bytes.Repeat([]byte("#"), maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), Options{Default: builtInFile(t), Path: path}); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("%v, want it refused for its size", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(builtInFile(f))
	for _, test := range wrong() {
		f.Add([]byte(test.file))
	}
	f.Add([]byte(with(anyBoolean + "rules:\n- {roles: [admin], subjects: [a], percent: 1, by: address, variant: on}")))
	builtIn, err := parse(builtInFile(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rules, err := parse(data)
		if err != nil {
			var where *FileError
			if !errors.As(err, &where) {
				t.Errorf("%v is no *FileError", err)
			}
			return
		}
		if len(rules.order) != len(rules.flags) {
			t.Errorf("%d flags in order, %d in all", len(rules.order), len(rules.flags))
		}
		present := newState(rules.over(builtIn), nil)
		for _, subject := range []Subject{{}, {Role: "admin", Subject: "a", Address: "192.0.2.1"}, {Address: "::1"}} {
			present.class(&subject)
			for key, flag := range present.flags {
				resolved := flag.resolve(&subject)
				if typeOf(resolved.value) != flag.Type || resolved.variant == "" {
					t.Errorf("%s is %v of variant %q, but of type %s", key, resolved.value, resolved.variant, flag.Type)
				}
			}
		}
	})
}
