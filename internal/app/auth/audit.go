package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Outcome says what became of what an entry of the audit log tells of.
type Outcome string

// The outcomes. An action has an entry before it is begun, and another that
// tells how it went: if that is missing, the process ended in between.
const (
	Attempted    Outcome = "attempted" // is about to be done
	Done         Outcome = "done"
	Failed       Outcome = "failed"
	NotPermitted Outcome = "refused" // asked for by somebody who may not
)

// Entry is one line of the audit log.
type Entry struct {
	ID        int64          // given by the log: later entries have higher ones
	At        time.Time      // given by the log
	Actor     string         // the subject of who did it
	Role      Role           // of the actor, then
	Client    string         // the program that the actor used, if known
	Action    string         // the operation's ID
	Target    string         // what it was done to, if anything
	Detail    map[string]any // what else there is to know; never a secret
	RequestID string
	Address   string // of the client
	Outcome   Outcome
}

// Auditor is the audit log. Nothing in it can be changed or removed.
type Auditor interface {
	// Record adds an entry, and returns once it is durable. An action that
	// can't be recorded must not be done. Errors: ErrAuditUnavailable, or an
	// entry that says nothing.
	Record(ctx context.Context, entry Entry) error
	// List gives entries, the newest first.
	List(ctx context.Context, query AuditQuery) (AuditPage, error)
}

// ErrAuditUnavailable says that an entry couldn't be written.
var ErrAuditUnavailable = errors.New("the audit log can't be written")

// Limits of a page of the audit log.
const (
	DefaultAuditPage = 20
	MaxAuditPage     = 100
)

// AuditQuery says which entries to list. Empty fields ask for any.
type AuditQuery struct {
	Actor   string
	Action  string
	Target  string
	Outcome Outcome
	Before  int64 // an entry's ID: only what is older; 0 begins with the newest
	Limit   int   // at most MaxAuditPage; 0 is DefaultAuditPage
}

// AuditPage is a run of entries, the newest first.
type AuditPage struct {
	Entries []Entry
	Next    int64 // the Before that gives the next page; 0 on the last one
}

// Limits of an entry, in bytes. What is longer is cut.
const (
	maxEntryText   = 512
	maxEntryDetail = 16 << 10
)

// Prepared gives the entry as it can be kept, with its detail as JSON: text
// comes from outside, and must neither be refused by the database nor fill it.
// Errors: no actor, action or outcome; a detail that isn't JSON.
func (e Entry) Prepared() (Entry, []byte, error) {
	if e.Actor == "" || e.Action == "" || e.Outcome == "" {
		return Entry{}, nil, errors.New("the entry lacks an actor, an action or an outcome")
	}
	for _, text := range []*string{&e.Actor, &e.Client, &e.Action, &e.Target, &e.RequestID, &e.Address} {
		*text = cut(clean(*text), maxEntryText)
	}
	detail, err := e.detail()
	if err != nil {
		return Entry{}, nil, fmt.Errorf("write the entry's detail: %w", err)
	}
	return e, detail, nil
}

func (e Entry) detail() ([]byte, error) {
	if len(e.Detail) == 0 {
		return []byte("{}"), nil
	}
	text, err := json.Marshal(e.Detail)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return nil, err
	}
	text, err = json.Marshal(cleaned(plain))
	if err == nil && len(text) > maxEntryDetail {
		return json.Marshal(map[string]string{"truncated": cut(string(text), maxEntryDetail/4)})
	}
	return text, err
}

// cleaned cleans all text in what json.Unmarshal gives.
func cleaned(value any) any {
	switch value := value.(type) {
	case string:
		return clean(value)
	case []any:
		for i := range value {
			value[i] = cleaned(value[i])
		}
	case map[string]any:
		plain := make(map[string]any, len(value))
		for name, member := range value {
			plain[clean(name)] = cleaned(member)
		}
		return plain
	}
	return value
}

// clean replaces what Postgres can't hold: NUL, and what isn't UTF-8.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// cut keeps at most limit bytes, and no part of a character.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}

// Fields gives the entry's fields for a log, by name, in a fixed order and
// without those that are empty.
func (e Entry) Fields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		detail, err := e.detail()
		if err != nil || len(e.Detail) == 0 {
			detail = nil
		}
		for _, field := range [...][2]string{
			{"actor", e.Actor}, {"actor_role", string(e.Role)}, {"client", e.Client},
			{"action", e.Action}, {"target", e.Target}, {"detail", string(detail)}, {"outcome", string(e.Outcome)},
			{"request_id", e.RequestID}, {"remote_address", e.Address},
		} {
			if field[1] != "" && !yield(field[0], field[1]) {
				return
			}
		}
	}
}
