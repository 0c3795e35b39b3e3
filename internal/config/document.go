package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pocctl/pocctl/internal/fault"
)

// document is one configuration file; it knows the line of every key, so that
// what is wrong can be pointed at.
type document struct {
	file  string
	lines map[string]int
}

// parse reads a YAML file into target, a pointer to a struct. Fields go by
// their json tags. An unknown key, a key given twice or a value of the wrong
// type is a fault.ConfigInvalid that names file, line and key. What target
// holds before are the defaults.
func parse(file string, data []byte, target any) (*document, error) {
	d := &document{file: file, lines: map[string]int{}}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, next yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return d, nil // nothing but comments: all defaults
	case err != nil:
		return nil, d.badYAML(err)
	}
	switch err := decoder.Decode(&next); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, d.badYAML(err)
	default:
		return nil, d.invalidAt(next.Line, "", "keep one document and remove the rest", "a second YAML document begins here")
	}
	err := d.fill(root.Content[0], "", target)
	return d, err
}

// invalid is the fault for a key of the file; fix says what to write instead.
func (d *document) invalid(key, fix, format string, args ...any) error {
	return d.invalidAt(d.line(key), key, fix, format, args...)
}

func (d *document) invalidAt(line int, key, fix, format string, args ...any) error {
	detail := fmt.Sprintf(format, args...)
	if key != "" {
		detail = key + " " + detail
	}
	if line > 0 {
		detail = fmt.Sprintf("line %d: %s", line, detail)
	}
	return fault.New(fault.ConfigInvalid, "path", d.file, "detail", detail, "fix", fix)
}

// badYAML says "near": the library gives the line where the broken collection
// begins, and counts parser errors (not scanner errors) from 0.
func (d *document) badYAML(err error) error {
	line, detail := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if number, rest, found := strings.Cut(strings.TrimPrefix(detail, "line "), ": "); found {
		if parsed, err := strconv.Atoi(number); err == nil {
			line, detail = parsed, rest
		}
		if slices.Contains(parserErrors(), detail) {
			line++
		}
	}
	return fault.New(fault.ConfigInvalid, "path", d.file, "detail", fmt.Sprintf("near line %d: %s", line, detail),
		"fix", "mend the YAML there: look for a missing colon, quote or indent")
}

func parserErrors() []string {
	const expected = "did not find expected "
	return []string{
		expected + "key", expected + "'-' indicator", expected + "',' or ']'", expected + "',' or '}'",
		expected + "node content", expected + "<document start>", "found undefined tag handle",
	}
}

// line gives the key's line, or that of the nearest key above it.
func (d *document) line(key string) int {
	for {
		if line, known := d.lines[key]; known || key == "" {
			return line
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
