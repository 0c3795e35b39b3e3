package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

func anEntry(target string) auth.Entry {
	return auth.Entry{
		Actor: "ada", Role: auth.Admin, Client: "console", Action: "setFlagOverride", Target: target,
		Detail:    map[string]any{"value": true, "reason": "Redis is being moved", "seconds": 60.0},
		RequestID: "request-1", Address: "192.0.2.1", Outcome: auth.Done,
	}
}

func record(t *testing.T, log store.Audit, entries ...auth.Entry) {
	t.Helper()
	for _, entry := range entries {
		if err := log.Record(t.Context(), entry); err != nil {
			t.Fatalf("record %s: %v", entry.Target, err)
		}
	}
}

func listAudit(t *testing.T, log store.Audit, asked auth.AuditQuery) auth.AuditPage {
	t.Helper()
	page, err := log.List(t.Context(), asked)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return page
}

func TestWhatIsRecordedIsListed(t *testing.T) {
	log := migrated(t).Audit()
	if page := listAudit(t, log, auth.AuditQuery{}); len(page.Entries) != 0 || page.Next != 0 {
		t.Errorf("an empty log lists %+v", page)
	}
	before := time.Now()
	bare := auth.Entry{Actor: "bob", Action: "listAudit", Outcome: auth.NotPermitted}
	record(t, log, anEntry("product-cache"), bare)
	page := listAudit(t, log, auth.AuditQuery{})
	unstamped := cmpopts.IgnoreFields(auth.Entry{}, "ID", "At")
	if diff := cmp.Diff([]auth.Entry{bare, anEntry("product-cache")}, page.Entries, unstamped); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	newer, older := page.Entries[0], page.Entries[1]
	if newer.ID <= older.ID || newer.At.Before(older.At) || older.At.Before(before.Add(-time.Minute)) || newer.At.After(before.Add(time.Minute)) {
		t.Errorf("entries %d of %s and %d of %s are out of order", newer.ID, newer.At, older.ID, older.At)
	}
}

func TestAuditPagesGoBackInTime(t *testing.T) {
	log := migrated(t).Audit()
	var want []string
	for i := range 5 {
		target := fmt.Sprint("flag-", i)
		record(t, log, anEntry(target))
		want = append([]string{target}, want...)
	}
	var got []string
	asked := auth.AuditQuery{Limit: 2}
	for pages := 1; ; pages++ {
		page := listAudit(t, log, asked)
		for _, entry := range page.Entries {
			got = append(got, entry.Target)
		}
		// What comes meanwhile changes nothing about older pages.
		record(t, log, anEntry("meanwhile"))
		if page.Next == 0 {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			break
		}
		asked.Before = page.Next
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}

func TestAFullLastAuditPageIsTheLast(t *testing.T) {
	log := migrated(t).Audit()
	record(t, log, anEntry("a"), anEntry("b"))
	if page := listAudit(t, log, auth.AuditQuery{Limit: 2}); len(page.Entries) != 2 || page.Next != 0 {
		t.Errorf("two of two entries, and next %d", page.Next)
	}
}

func TestAuditFilters(t *testing.T) {
	log := migrated(t).Audit()
	bob := anEntry("rate-limiting")
	bob.Actor, bob.Action, bob.Outcome = "bob", "clearFlagOverride", auth.Failed
	record(t, log, anEntry("product-cache"), bob, anEntry("rate-limiting"))
	tests := map[string]struct {
		asked auth.AuditQuery
		want  []string
	}{
		"all":           {auth.AuditQuery{}, []string{"ada rate-limiting", "bob rate-limiting", "ada product-cache"}},
		"actor":         {auth.AuditQuery{Actor: "bob"}, []string{"bob rate-limiting"}},
		"action":        {auth.AuditQuery{Action: "setFlagOverride"}, []string{"ada rate-limiting", "ada product-cache"}},
		"target":        {auth.AuditQuery{Target: "rate-limiting"}, []string{"ada rate-limiting", "bob rate-limiting"}},
		"outcome":       {auth.AuditQuery{Outcome: auth.Failed}, []string{"bob rate-limiting"}},
		"several":       {auth.AuditQuery{Actor: "ada", Target: "rate-limiting"}, []string{"ada rate-limiting"}},
		"none":          {auth.AuditQuery{Actor: "ADA"}, nil},
		"injection":     {auth.AuditQuery{Actor: "' OR true --"}, nil},
		"NUL":           {auth.AuditQuery{Actor: "ada\x00"}, nil},
		"invalid UTF-8": {auth.AuditQuery{Target: "\xff"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, entry := range listAudit(t, log, test.asked).Entries {
				got = append(got, entry.Actor+" "+entry.Target)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("listed (-want +got):\n%s", diff)
			}
		})
	}
	for _, limit := range []int{-1, auth.MaxAuditPage + 1} {
		var invalid catalog.Invalid
		if _, err := log.List(t.Context(), auth.AuditQuery{Limit: limit}); !errors.As(err, &invalid) {
			t.Errorf("limit %d: %v, want it invalid", limit, err)
		}
	}
}

func TestTheAuditLogIsAppendOnly(t *testing.T) {
	url := migratedURL(t)
	log := open(t, url).Audit()
	record(t, log, anEntry("product-cache"))
	want := listAudit(t, log, auth.AuditQuery{})
	connection, err := pgx.Connect(t.Context(), url) // as the superuser, who owns the table
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(context.Background())
	for _, statement := range []string{
		"UPDATE audit_log SET actor = 'bob'",
		"UPDATE audit_log SET actor = 'bob' WHERE false",
		"DELETE FROM audit_log",
		"TRUNCATE audit_log",
		"TRUNCATE audit_log RESTART IDENTITY CASCADE",
		"MERGE INTO audit_log USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
		"WITH gone AS (DELETE FROM audit_log RETURNING id) SELECT * FROM gone",
		"SET session_replication_role = replica; DELETE FROM audit_log",
	} {
		_, err := connection.Exec(t.Context(), statement)
		var server *pgconn.PgError
		if !errors.As(err, &server) || !strings.Contains(server.Message, "append-only") {
			t.Errorf("%s: %v, want it refused", statement, err)
		}
	}
	// Nor can an entry be put before others.
	if _, err := connection.Exec(t.Context(), `INSERT INTO audit_log (id, actor, actor_role, client, action, target, detail, request_id, remote_address, outcome)
		VALUES (0, 'ada', 'admin', '', 'listAudit', '', '{}', '', '', 'done')`); err == nil {
		t.Error("an entry with an ID of its own is taken")
	}
	if diff := cmp.Diff(want, listAudit(t, log, auth.AuditQuery{})); diff != "" {
		t.Errorf("the log has changed (-before +after):\n%s", diff)
	}
}

func TestWhateverTextComesIsRecorded(t *testing.T) {
	log := migrated(t).Audit()
	entry := anEntry("a\x00b\xff'; DROP TABLE audit_log; --")
	entry.RequestID = strings.Repeat("é", 10_000)
	entry.Detail = map[string]any{"na\x00me": []any{"\x00", `\u0000`, map[string]any{"deep": "\xff"}}, "large": int64(1) << 62}
	record(t, log, entry)
	got := listAudit(t, log, auth.AuditQuery{}).Entries[0]
	if want := "a\uFFFDb\uFFFD'; DROP TABLE audit_log; --"; got.Target != want {
		t.Errorf("the target is %q, want %q", got.Target, want)
	}
	if len(got.RequestID) == 0 || len(got.RequestID) > 512 {
		t.Errorf("the request ID has %d bytes", len(got.RequestID))
	}
	want := map[string]any{"na\uFFFDme": []any{"\uFFFD", `\u0000`, map[string]any{"deep": "\uFFFD"}}, "large": float64(int64(1) << 62)}
	if diff := cmp.Diff(want, got.Detail); diff != "" {
		t.Errorf("detail (-want +got):\n%s", diff)
	}
}

func TestEntriesThatSayNothingAreNotRecorded(t *testing.T) {
	log := migrated(t).Audit()
	for name, change := range map[string]func(*auth.Entry){
		"no actor":        func(e *auth.Entry) { e.Actor = "" },
		"no action":       func(e *auth.Entry) { e.Action = "" },
		"no outcome":      func(e *auth.Entry) { e.Outcome = "" },
		"unknown outcome": func(e *auth.Entry) { e.Outcome = "perhaps" },
		"no JSON":         func(e *auth.Entry) { e.Detail = map[string]any{"f": func() {}} },
	} {
		entry := anEntry("x")
		change(&entry)
		if err := log.Record(t.Context(), entry); err == nil {
			t.Errorf("%s: recorded", name)
		}
	}
	if page := listAudit(t, log, auth.AuditQuery{}); len(page.Entries) != 0 {
		t.Errorf("recorded %+v", page.Entries)
	}
}

func TestManyRecordAtOnce(t *testing.T) {
	log := migrated(t).Audit()
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if err := log.Record(context.Background(), anEntry(fmt.Sprint(i))); err != nil {
				t.Errorf("record: %v", err)
			}
		})
	}
	all.Wait()
	if page := listAudit(t, log, auth.AuditQuery{Limit: auth.MaxAuditPage}); len(page.Entries) != 50 {
		t.Errorf("%d of 50 are there", len(page.Entries))
	}
}

func TestAnAuditLogThatIsAwaySaysSo(t *testing.T) {
	database := postgres.Database(t)
	if _, err := store.Migrate(t.Context(), options(postgres.URL(t, database)), time.Minute); err != nil {
		t.Fatal(err)
	}
	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	proxy.Up(t)
	log := open(t, "postgres://postgres@"+proxy.Address()+"/"+database).Audit()
	record(t, log, anEntry("before"))
	proxy.Down()
	if err := log.Record(t.Context(), anEntry("during")); !errors.Is(err, auth.ErrAuditUnavailable) || !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("record: %v, want ErrAuditUnavailable", err)
	}
	if _, err := log.List(t.Context(), auth.AuditQuery{}); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("list: %v, want ErrUnavailable", err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := log.Record(gone, anEntry("gone")); !errors.Is(err, auth.ErrAuditUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("record for who has left: %v", err)
	}
}

func TestAnAuditLogThatIsNotThereYetSaysSo(t *testing.T) {
	log := open(t, postgres.URL(t, postgres.Database(t))).Audit()
	if err := log.Record(t.Context(), anEntry("x")); !errors.Is(err, auth.ErrAuditUnavailable) {
		t.Errorf("record before migrations: %v, want ErrAuditUnavailable", err)
	}
}
