package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"
)

// maxBody holds the longest valid product with every character escaped.
const maxBody = 64 << 10

// readBody gives the request's JSON, or refuses its type, size or encoding.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return nil, newProblem(codeMediaType, "send Content-Type: application/json").about("Content-Type")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, newProblem(codeTooLarge, "the body may have %d bytes", tooLarge.Limit)
	case err != nil:
		return nil, newProblem(codeMalformedBody, "the body ended early")
	case !utf8.Valid(body):
		return nil, newProblem(codeMalformedBody, "the body isn't UTF-8")
	}
	return body, nil
}

// decodeObject reads one JSON object into fields, a *string or *int64 by name,
// and gives the names that were there. It is stricter than encoding/json: names
// count by case, none twice, none unknown, no null, nothing after the object.
func decodeObject(body []byte, fields map[string]any) (present map[string]bool, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, newProblem(codeMalformedBody, "the body must be a JSON object")
	}
	present = map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, isName := token.(string)
		if err != nil || !isName {
			return nil, malformed(decoder, err)
		}
		into, known := fields[name]
		switch {
		case !known:
			return nil, newProblem(codeUnknownField, "%s isn't a field of a product", quote(name)).about(shorten(name))
		case present[name]:
			return nil, newProblem(codeDuplicateField, "%s is given twice", name).about(name)
		}
		present[name] = true
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, malformed(decoder, err)
		}
		if string(value) == "null" || json.Unmarshal(value, into) != nil {
			return nil, newProblem(codeWrongType, "%s must be %s", name, typeName(into)).about(name)
		}
	}
	if _, err := decoder.Token(); err != nil { // the closing brace
		return nil, malformed(decoder, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, newProblem(codeMalformedBody, "there is something after the object, at byte %d", decoder.InputOffset())
	}
	return present, nil
}

func malformed(decoder *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return newProblem(codeMalformedBody, "the JSON ends too early")
	}
	return newProblem(codeMalformedBody, "the JSON is broken at byte %d", decoder.InputOffset())
}

func typeName(into any) string {
	if _, isText := into.(*string); isText {
		return "a string"
	}
	return "a whole number"
}

// shorten keeps what a client sent from filling its answer.
func shorten(name string) string {
	const most = 64
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return name
}

func quote(name string) string { return fmt.Sprintf("%q", shorten(name)) }
