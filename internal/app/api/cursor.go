package api

import (
	"encoding/base64"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// A cursor is opaque to clients: its form's number, then the last ID they got.
const cursorForm = 1

func encodeCursor(last catalog.ID) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{cursorForm}, last[:]...))
}

// decodeCursor takes only what encodeCursor gave; nothing begins at the first page.
func decodeCursor(cursor string) (after catalog.ID, err error) {
	if cursor == "" {
		return after, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) != 1+len(after) || raw[0] != cursorForm || encodeCursor(catalog.ID(raw[1:])) != cursor {
		return after, newProblem(codeParameter, "cursor must be the next_cursor of an answer").about("cursor")
	}
	return catalog.ID(raw[1:]), nil
}
