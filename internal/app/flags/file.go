package flags

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile is as much as a ConfigMap can hold.
const maxFile = 1 << 20 // bytes

// FileError says what is wrong in a file of flags, and where.
type FileError struct {
	Line   int    // 0 for none in particular
	Key    string // for example flags.product-cache.default; "" for the whole
	Detail string
}

func (e *FileError) Error() string {
	message := e.Detail
	if e.Key != "" {
		message = e.Key + " " + message
	}
	if e.Line > 0 {
		message = fmt.Sprintf("line %d: %s", e.Line, message)
	}
	return message
}

// Check reads a file of flags, and returns a *FileError if it can't be used.
func Check(data []byte) error {
	_, err := parse(data)
	return err
}

// ruleset is a file's flags.
type ruleset struct {
	flags    map[string]*Flag
	order    []string // of the file
	revision string   // the beginning of the SHA-256 of the file, in hexadecimal
}

// over gives the flags of r, then those of the other that r leaves out.
func (r *ruleset) over(other *ruleset) *ruleset {
	merged := &ruleset{flags: maps.Clone(other.flags), order: slices.Clone(other.order), revision: r.revision}
	for _, key := range r.order {
		if merged.flags[key] == nil {
			merged.order = append(merged.order, key)
		}
		merged.flags[key] = r.flags[key]
	}
	return merged
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, failed.Err // without the path, which messages have
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = &FileError{Detail: fmt.Sprintf("is larger than %d bytes", maxFile)}
	}
	return data, err
}

// parse reads a file strictly: whatever isn't known, or isn't of its type, is
// a *FileError. An empty file is one, too: it is half a write more likely than
// a wish.
func parse(data []byte) (*ruleset, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, next yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return nil, &FileError{Detail: "is empty; a list of flags under the key flags is wanted"}
	case err != nil:
		return nil, badYAML(err)
	}
	if err := decoder.Decode(&next); err == nil {
		return nil, &FileError{Line: next.Line, Detail: "a second YAML document begins here"}
	} else if !errors.Is(err, io.EOF) {
		return nil, badYAML(err)
	}
	digest := sha256.Sum256(data)
	rules := &ruleset{flags: map[string]*Flag{}, revision: hex.EncodeToString(digest[:6])}
	top := at{node: root.Content[0], line: root.Content[0].Line}
	var flags *at
	if err := top.fields(map[string]func(at) error{"flags": func(value at) error { flags = &value; return nil }}); err != nil {
		return nil, err
	}
	if flags == nil {
		return nil, top.wrong("has no key flags")
	}
	err := flags.entries(func(key string, value at) error {
		if !validName(key) {
			return value.wrong("must be named by small letters, digits and dashes, at most %d", maxName)
		}
		flag, err := parseFlag(key, value)
		rules.flags[key], rules.order = flag, append(rules.order, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return rules, nil
}

// badYAML says "near": the library gives the line where the broken collection begins.
func badYAML(err error) error {
	return &FileError{Detail: "can't be read as YAML, near " + strings.TrimPrefix(err.Error(), "yaml: ")}
}

func parseFlag(key string, value at) (*Flag, error) {
	flag := &Flag{Key: key, Enabled: true}
	given := map[string]at{}
	keep := func(name string) func(at) error {
		return func(value at) error { given[name] = value; return nil }
	}
	err := value.fields(map[string]func(at) error{
		"description": func(value at) error { return value.text(&flag.Description) },
		"type":        func(value at) error { return value.text((*string)(&flag.Type)) },
		"enabled":     func(value at) error { return value.truth(&flag.Enabled) },
		"default":     func(value at) error { return value.text(&flag.Default) },
		"variants":    keep("variants"),
		"rules":       keep("rules"),
	})
	if err != nil {
		return nil, err
	}
	switch {
	case flag.Description == "":
		return nil, value.wrong("needs a description")
	case flag.Type == "":
		return nil, value.wrong("needs a type")
	case flag.Default == "":
		return nil, value.wrong("needs a default")
	}
	if wanted := typeWanted(key); wanted != "" && flag.Type != wanted {
		return nil, value.wrong("must be of type %s, which the service asks for", wanted)
	}
	if flag.Variants, err = parseVariants(flag, value, given["variants"]); err != nil {
		return nil, err
	}
	if _, known := flag.Variants[flag.Default]; !known {
		return nil, value.wrong("has the default %q, but the variants %s", flag.Default, flag.names())
	}
	if rules, has := given["rules"]; has {
		err = rules.items(func(value at) error {
			rule, err := parseRule(flag, value)
			flag.Rules = append(flag.Rules, rule)
			return err
		})
	}
	return flag, err
}

func parseVariants(flag *Flag, whole, value at) (map[string]any, error) {
	switch flag.Type {
	case Boolean, String, Number, Object:
	default:
		return nil, whole.wrong("has the type %q; one of %s, %s, %s, %s is wanted", flag.Type, Boolean, String, Number, Object)
	}
	if value.node == nil {
		if flag.Type == Boolean {
			return map[string]any{"on": true, "off": false}, nil
		}
		return nil, whole.wrong("needs variants")
	}
	variants := map[string]any{}
	err := value.entries(func(name string, value at) error {
		if !validName(name) || name == Custom {
			return value.wrong("must be named by small letters, digits and dashes, at most %d, and not %q", maxName, Custom)
		}
		parsed, err := value.value()
		if err != nil {
			return err
		}
		if typeOf(parsed) != flag.Type {
			return value.wrong("must be of type %s", flag.Type)
		}
		if flag.Key == FaultInjection {
			if _, err := faultSpec(parsed); err != nil {
				return value.wrong("%s", err)
			}
		}
		variants[name] = parsed
		return nil
	})
	return variants, err
}

func parseRule(flag *Flag, value at) (Rule, error) {
	var rule Rule
	err := value.fields(map[string]func(at) error{
		"roles":    func(value at) error { return value.texts(&rule.Roles, validRole, "anonymous, viewer, editor or admin") },
		"subjects": func(value at) error { return value.texts(&rule.Subjects, validText, "the subject of a token") },
		"percent":  func(value at) error { return value.percent(&rule.Percent) },
		"by":       func(value at) error { return value.text((*string)(&rule.By)) },
		"variant":  func(value at) error { return value.text(&rule.Variant) },
	})
	if err != nil {
		return rule, err
	}
	switch _, known := flag.Variants[rule.Variant]; {
	case !known:
		return rule, value.wrong("needs a variant, one of %s", flag.names())
	case rule.Roles == nil && rule.Subjects == nil && rule.Percent == nil:
		return rule, value.wrong("needs roles, subjects or percent")
	case rule.By != "" && rule.Percent == nil:
		return rule, value.wrong("has by without percent")
	case rule.By != "" && rule.By != BySubject && rule.By != ByAddress:
		return rule, value.wrong("has by %q; %s or %s is wanted", string(rule.By), BySubject, ByAddress)
	}
	return rule, nil
}

// typeWanted gives the type of a flag that the service asks for, "" for others.
func typeWanted(key string) Type {
	switch key {
	case ProductCache, RateLimiting, ExperimentalSearch:
		return Boolean
	case FaultInjection:
		return Object
	}
	return ""
}

func validRole(role string) bool {
	return slices.Contains([]string{Anonymous, "viewer", "editor", "admin"}, role)
}

const maxName = 64

func validName(name string) bool {
	letterOrDigit := func(r byte) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }
	for i := range len(name) {
		if !letterOrDigit(name[i]) && (name[i] != '-' || i == 0 || i == len(name)-1) {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}
