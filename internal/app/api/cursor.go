package api

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// A cursor is opaque to clients: the number of its form, then what that form
// holds. A form that changes takes another number.
const (
	positionForm = 2
	offsetForm   = 3
	orderForm    = 4
)

// position is what the cursor of a list holds. The sort is in it, as a place in
// one order means nothing in another.
type position struct {
	Sort  string    `json:"s"`
	Name  string    `json:"n,omitempty"`
	Price int64     `json:"p,omitempty"`
	ID    uuid.UUID `json:"i"`
}

func encodePosition(at catalog.Position, sort catalog.Sort) string {
	held := position{Sort: sortText(sort), ID: at.ID}
	switch sort.Field {
	case catalog.SortName:
		held.Name = at.Name
	case catalog.SortPrice:
		held.Price = at.PriceMinor
	}
	return encodeCursor(positionForm, held)
}

// decodePosition takes only what encodePosition gave for the same sort; nothing
// begins at the first page.
func decodePosition(cursor string, sort catalog.Sort) (*catalog.Position, error) {
	if cursor == "" {
		return nil, nil
	}
	var held position
	if err := decodeCursor(cursor, positionForm, &held); err != nil {
		return nil, err
	}
	if held.Sort != sortText(sort) {
		return nil, badCursor()
	}
	return &catalog.Position{Name: held.Name, PriceMinor: held.Price, ID: held.ID}, nil
}

func sortText(sort catalog.Sort) string {
	if sort.Descending {
		return "-" + string(sort.Field)
	}
	return string(sort.Field)
}

func encodeOffset(offset int) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32([]byte{offsetForm}, uint32(offset)))
}

func decodeOffset(cursor string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) != 5 || raw[0] != offsetForm {
		return 0, badCursor()
	}
	return int(binary.BigEndian.Uint32(raw[1:])), nil
}

func encodeCursor(form byte, held any) string {
	text, err := json.Marshal(held)
	if err != nil {
		panic(err) // the types can always be written
	}
	return base64.RawURLEncoding.EncodeToString(append([]byte{form}, text...))
}

func decodeCursor(cursor string, form byte, held any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) < 2 || raw[0] != form {
		return badCursor()
	}
	if err := json.Unmarshal(raw[1:], held, json.RejectUnknownMembers(true)); err != nil {
		return badCursor()
	}
	return nil
}

func badCursor() error {
	return newProblem(codeParameter, "cursor must be the next_cursor of an answer to the same question").about("cursor")
}
