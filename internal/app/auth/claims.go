package auth

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// claims are what a token says.
type claims map[string]any

// Limits on names, in bytes. OpenID Connect allows subjects of 255.
const (
	maxSubject = 255
	maxName    = 200
)

// lastInstant is the end of the year 9999, in seconds; beyond it no clock is right.
const lastInstant = 253402300799

// text gives a claim that is a string; "" if there is none.
func (c claims) text(name string) string {
	text, _ := c[name].(string)
	return text
}

// line gives the first of the claims that is a plain line of text, or "".
func (c claims) line(limit int, names ...string) string {
	for _, name := range names {
		if text := c.text(name); isLine(text, limit) {
			return text
		}
	}
	return ""
}

func isLine(text string, limit int) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }
	return text != "" && len(text) <= limit && strings.IndexFunc(text, unprintable) < 0
}

// instant gives a claim that is a time. It is the zero time if there is none,
// and not ok if there is something else. 0 is a time: Keycloak had it as "nbf"
// for long.
func (c claims) instant(name string) (at time.Time, ok bool) {
	value, present := c[name]
	if !present {
		return time.Time{}, true
	}
	seconds, isNumber := value.(float64)
	if !isNumber || seconds < 0 || seconds > lastInstant {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC(), true
}

// strings gives a claim that is a string or a list of strings. It is not ok if
// it is something else.
func (c claims) strings(name string) (list []string, ok bool) {
	return stringsOf(c[name])
}

func stringsOf(value any) ([]string, bool) {
	switch value := value.(type) {
	case nil:
		return nil, true
	case string:
		return []string{value}, true
	case []any:
		list := make([]string, len(value))
		for i, each := range value {
			text, isText := each.(string)
			if !isText {
				return nil, false
			}
			list[i] = text
		}
		return list, true
	}
	return nil, false
}

// at follows a path of names with dots between them. A claim that goes by the
// whole path comes first: names may have dots in them.
func (c claims) at(path string) any {
	if value, has := c[path]; has {
		return value
	}
	var here any = map[string]any(c)
	for name := range strings.SplitSeq(path, ".") {
		object, isObject := here.(map[string]any)
		if !isObject {
			return nil
		}
		here = object[name]
	}
	return here
}

// isOfAnotherKind tells tokens that the issuer makes for other ends from
// access tokens. kind is the header's "typ".
func (c claims) isOfAnotherKind(kind string) bool {
	kind = strings.TrimPrefix(strings.ToLower(kind), "application/")
	if !slices.Contains([]string{"", "jwt", "at+jwt"}, kind) {
		return true
	}
	// A token bound to a key or a certificate must not be taken from who
	// merely bears it (RFC 7800), and the proof isn't looked at here.
	if _, bound := c["cnf"]; bound {
		return true
	}
	// Cognito and Keycloak say which kind it is.
	if use, has := c["token_use"]; has && use != "access" {
		return true
	}
	if _, has := c["typ"]; has {
		return !strings.EqualFold(c.text("typ"), bearer)
	}
	if kind == "at+jwt" {
		return false
	}
	for _, mark := range []string{"nonce", "at_hash", "c_hash", "s_hash", "events"} {
		if _, has := c[mark]; has {
			return true
		}
	}
	return false
}
