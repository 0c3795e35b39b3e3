package telemetry

import "strings"

// redacted takes the place of a secret.
const redacted = "[redacted]"

// Redact replaces what looks like a secret: bearer tokens and JWTs, credentials
// in URLs, private keys, and the values of names like password or cookie. It is
// made to err on the side of replacing too much.
func Redact(text string) string {
	if out := redact(text, false); out != nil {
		return string(out)
	}
	return text
}

// redactJSON is Redact for one JSON value. It stays one.
func redactJSON(line []byte) []byte {
	if out := redact(line, true); out != nil {
		return out
	}
	return line
}

type text interface{ string | []byte }

// redact gives nil if there is no secret in the text, as is usual: it is on the
// way of every log line.
func redact[T text](in T, json bool) (out []byte) {
	s := scanner[T]{in: in, json: json}
	kept := 0
	for i := 0; i < len(in); {
		var from, to int
		s.bare = false
		switch in[i] {
		case ':':
			from, to = s.userinfo(i)
		case 'e':
			from, to = s.jwt(i)
		case '-':
			from, to = s.privateKey(i)
		case 'b', 'B':
			from, to = s.scheme(i)
		case 'a', 'A', 'c', 'C', 'p', 'P', 's', 'S', 't', 'T':
			from, to = s.named(i)
		}
		if to == 0 {
			i++
			continue
		}
		out = append(out, in[kept:from]...)
		if s.bare {
			out = append(out, '"')
		}
		out = append(out, redacted...)
		if s.bare {
			out = append(out, '"')
		}
		kept, i = to, to
	}
	if out == nil {
		return nil
	}
	return append(out, in[kept:]...)
}

// secretName tells whether what has such a name is a secret, whatever it is.
func secretName(name string) bool {
	for i := range len(name) {
		if wordAt(name, i) != "" {
			return true
		}
	}
	return false
}

// wordAt gives the word at i that makes a name that of a secret.
func wordAt[T text](in T, i int) string {
	switch in[i] | 0x20 {
	case 'a':
		return startsWithAny(in, i, "authorization", "apikey", "api_key", "api-key")
	case 'c':
		return startsWithAny(in, i, "cookie", "credential")
	case 'p':
		return startsWithAny(in, i, "password", "passwd", "passphrase", "pwd", "private_key", "privatekey")
	case 's':
		return startsWithAny(in, i, "secret", "signature")
	case 't':
		return startsWithAny(in, i, "token")
	}
	return ""
}

func startsWithAny[T text](in T, i int, words ...string) string {
	for _, word := range words {
		if startsWith(in, i, word) {
			return word
		}
	}
	return ""
}

// startsWith compares without regard to case; word is in lower case.
func startsWith[T text](in T, i int, word string) bool {
	if len(in)-i < len(word) {
		return false
	}
	for j := range len(word) {
		c := in[i+j]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[j] {
			return false
		}
	}
	return true
}

// suspicious tells words that are rather keys than language.
func suspicious[T text](word T) bool {
	if len(word) >= 20 {
		return true
	}
	lower := false
	for i := range len(word) {
		switch c := word[i]; {
		case 'a' <= c && c <= 'z':
			lower = true
		case 'A' <= c && c <= 'Z':
			if lower {
				return true
			}
		case '0' <= c && c <= '9', strings.IndexByte("=+/_~", c) >= 0:
			return true
		}
	}
	return false
}
