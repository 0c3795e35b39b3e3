package limits

import (
	"fmt"
	"strings"
)

// space is what may stand around the elements of a list.
const space = " \t"

// backwards gives the elements of several fields' lists, the last one first,
// and reads no further than it is asked to. In quoted lists a comma between
// quotes is none.
func backwards(fields []string, quoted bool) func() (element string, more bool) {
	rest, last := "", len(fields)
	ended := true // rest is used up
	return func() (string, bool) {
		if ended {
			if last == 0 {
				return "", false
			}
			last--
			rest, ended = fields[last], false
		}
		comma := lastComma(rest, quoted)
		element := strings.Trim(rest[comma+1:], space)
		if comma < 0 {
			ended = true
		} else {
			rest = rest[:comma]
		}
		return element, true
	}
}

// lastComma is the index of the last comma outside quotes, or -1. A quote
// counts from the end backwards, unless a backslash stands before it.
func lastComma(text string, quoted bool) int {
	if !quoted {
		return strings.LastIndexByte(text, ',')
	}
	inside := false
	for i := len(text) - 1; i >= 0; i-- {
		switch text[i] {
		case '"':
			if !escaped(text, i) {
				inside = !inside
			}
		case ',':
			if !inside {
				return i
			}
		}
	}
	return -1
}

// escaped tells whether an odd number of backslashes stands before the byte at i.
func escaped(text string, i int) bool {
	backslashes := 0
	for i > backslashes && text[i-backslashes-1] == '\\' {
		backslashes++
	}
	return backslashes%2 == 1
}

// forParameter is the value of for= of one element of Forwarded. RFC 7239 knows
// hidden and unknown ones; from a trusted proxy they name nobody, and so are errors.
func forParameter(element string) (string, error) {
	var found string
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(strings.Trim(pair, space), "=")
		if !strings.EqualFold(name, "for") {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("%w: an element has two values of for", ErrForwarded)
		}
		if inner, ok := strings.CutPrefix(value, `"`); ok {
			if inner, ok = strings.CutSuffix(inner, `"`); !ok || strings.ContainsAny(inner, `"\`) {
				return "", fmt.Errorf("%w: bad quotes", ErrForwarded)
			}
			value = inner
		}
		found = value
	}
	if found == "" {
		return "", fmt.Errorf("%w: an element has no value of for", ErrForwarded)
	}
	return found, nil
}
