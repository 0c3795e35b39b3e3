package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// strictJSON reads and writes bodies. It is stricter than encoding/json: names
// count by case, none twice, only UTF-8, nothing after the value.
func strictJSON() huma.Format {
	return huma.Format{
		Marshal: func(out io.Writer, value any) error { return json.MarshalWrite(out, value) },
		Unmarshal: func(body []byte, into any) error {
			if err := json.Unmarshal(body, into); err != nil {
				return readError(err)
			}
			if parsed, isAny := into.(*any); isAny {
				return refuseNull(*parsed, "")
			}
			return nil
		},
	}
}

// refuseNull finds a null, which huma takes for a field that isn't there.
func refuseNull(value any, field string) error {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			if err := refuseNull(inner, strings.TrimPrefix(field+"."+name, ".")); err != nil {
				return err
			}
		}
	case []any:
		for i, inner := range value {
			if err := refuseNull(inner, fmt.Sprintf("%s[%d]", field, i)); err != nil {
				return err
			}
		}
	case nil:
		if field == "" {
			return bodyError{code: codeMalformedBody, detail: "the body must be a JSON object"}
		}
		field = shorten(field)
		return bodyError{codeWrongType, field, field + " must not be null"}
	}
	return nil
}

// bodyError is why a body can't be read. Its text carries the code and the
// field through huma, which keeps nothing of an error but its text.
type bodyError struct {
	code   code
	field  string
	detail string
}

const bodyErrorSeparator = "\x1f"

func (e bodyError) Error() string {
	return strings.Join([]string{string(e.code), e.field, e.detail}, bodyErrorSeparator)
}

// parseBodyError is the inverse of Error.
func parseBodyError(text string) (bodyError, bool) {
	parts := strings.Split(text, bodyErrorSeparator)
	if len(parts) != 3 {
		return bodyError{}, false
	}
	return bodyError{code(parts[0]), parts[1], parts[2]}, true
}

func readError(err error) error {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		field := fieldOf(syntax.JSONPointer)
		return bodyError{codeDuplicateField, field, field + " is given twice"}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return bodyError{code: codeMalformedBody, detail: "the JSON ends too early"}
	case errors.As(err, &syntax):
		return bodyError{code: codeMalformedBody, detail: "the JSON is broken"}
	case errors.As(err, &semantic):
		field := fieldOf(semantic.JSONPointer)
		return bodyError{codeWrongType, field, field + " has a value of the wrong type"}
	}
	return bodyError{code: codeMalformedBody, detail: "the body can't be read"}
}

// fieldOf writes a JSON pointer as fields are written elsewhere: lines[0].quantity.
func fieldOf(pointer jsontext.Pointer) string {
	var field strings.Builder
	for token := range pointer.Tokens() {
		switch {
		case isIndex(token):
			field.WriteString("[" + token + "]")
		case field.Len() > 0:
			field.WriteString("." + token)
		default:
			field.WriteString(token)
		}
	}
	return shorten(field.String())
}

func isIndex(token string) bool {
	return token != "" && strings.Trim(token, "0123456789") == ""
}

// shorten keeps what a client sent from filling its answer.
func shorten(name string) string {
	const most = 64
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return name
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == "application/json"
}
