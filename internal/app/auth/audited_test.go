package auth_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/app/auth"
)

// notebook is an audit log that fails at some records, counted from 1.
type notebook struct {
	auth.Auditor
	entries []auth.Entry
	failsAt int
	records int
}

func (n *notebook) Record(ctx context.Context, entry auth.Entry) error {
	n.records++
	if ctx.Err() != nil || n.records == n.failsAt {
		return auth.ErrAuditUnavailable
	}
	n.entries = append(n.entries, entry)
	return nil
}

func TestAudited(t *testing.T) {
	ctx := auth.NewContext(t.Context(), auth.Principal{Subject: "ada", Client: "console", Role: auth.Admin})
	broken := errors.New("broken")
	tests := map[string]struct {
		failsAt int
		act     error
		done    bool
		want    []auth.Outcome
		err     error
	}{
		"done":                {0, nil, true, []auth.Outcome{auth.Attempted, auth.Done}, nil},
		"failed":              {0, broken, true, []auth.Outcome{auth.Attempted, auth.Failed}, broken},
		"attempt unrecorded":  {1, nil, false, nil, auth.ErrAuditUnavailable},
		"outcome unrecorded":  {2, nil, true, []auth.Outcome{auth.Attempted}, auth.ErrAuditUnavailable},
		"failure, unrecorded": {2, broken, true, []auth.Outcome{auth.Attempted}, broken},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			log := &notebook{failsAt: test.failsAt}
			ctx, leave := context.WithCancel(ctx)
			defer leave()
			done := false
			err := auth.Audited(ctx, log, auth.Entry{Action: "setFlagOverride", Target: "product-cache"}, func(context.Context) error {
				done = true
				leave() // the outcome is recorded all the same
				return test.act
			})
			if done != test.done || !errors.Is(err, test.err) {
				t.Errorf("done %t with %v, want %t with %v", done, err, test.done, test.err)
			}
			var want []auth.Entry
			for _, outcome := range test.want {
				want = append(want, auth.Entry{
					Actor: "ada", Role: auth.Admin, Client: "console", Action: "setFlagOverride", Target: "product-cache", Outcome: outcome,
				})
			}
			if diff := cmp.Diff(want, log.entries); diff != "" {
				t.Errorf("recorded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAuditedOfAPanic(t *testing.T) {
	log := &notebook{}
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("the panic didn't go on")
			}
		}()
		_ = auth.Audited(t.Context(), log, auth.Entry{Actor: "bob", Action: "a"}, func(context.Context) error { panic("boom") })
	}()
	if len(log.entries) != 2 || log.entries[1].Outcome != auth.Failed || log.entries[1].Actor != "bob" {
		t.Errorf("recorded %+v, want an attempt of Bob's and its failure", log.entries)
	}
}
