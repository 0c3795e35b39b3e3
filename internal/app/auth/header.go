package auth

import "strings"

// MaxTokenBytes is the largest token that is looked at. Servers commonly take
// no more than 8 KiB of header.
const MaxTokenBytes = 8 << 10

const bearer = "bearer"

// FromHeader takes the token out of the values of the Authorization header.
// Without the header there is none, and that is no error. Errors: *Refused.
// A token anywhere else, as in the query, is never looked for.
func FromHeader(values []string) (token string, present bool, err error) {
	if len(values) == 0 {
		return "", false, nil
	}
	if len(values) > 1 {
		return "", false, &Refused{ReasonHeader}
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	token = strings.Trim(rest, " ")
	if len(token) > MaxTokenBytes {
		return "", false, &Refused{ReasonTooLarge}
	}
	if !strings.EqualFold(scheme, bearer) || !isToken68(token) {
		return "", false, &Refused{ReasonHeader}
	}
	return token, true, nil
}

// isToken68 tells whether text is a b64token of RFC 6750.
func isToken68(text string) bool {
	body := strings.TrimRight(text, "=")
	for i := range len(body) {
		if !isBase64URL(body[i]) && !strings.ContainsRune(".~+/", rune(body[i])) {
			return false
		}
	}
	return body != ""
}

func isBase64URL(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}
