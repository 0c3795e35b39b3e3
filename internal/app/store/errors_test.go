package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store"
)

// unavailable fails the test unless err is of the 503 kind, with the server's code.
func unavailable(t *testing.T, err error, code string) {
	t.Helper()
	var server *pgconn.PgError
	if !errors.Is(err, catalog.ErrUnavailable) || !errors.As(err, &server) || server.Code != code {
		t.Errorf("%v, want ErrUnavailable by SQLSTATE %s", err, code)
	}
}

// recovers polls until do succeeds.
func recovers(t *testing.T, what string, do func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		err := do(ctx)
		if err == nil {
			return
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatalf("%s hasn't recovered: %v", what, err)
		}
	}
}

// locked holds a product's row until it is released.
func locked(t *testing.T, url string, id catalog.ID) (release func()) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	tx, err := connection.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT FROM products WHERE id = $1 FOR UPDATE", id); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(context.Background()); err != nil {
			t.Errorf("release the row: %v", err)
		}
	}
}

func TestTimeouts(t *testing.T) {
	tests := map[string]struct {
		statement, lock time.Duration
		code            string
	}{
		"of a statement": {50 * time.Millisecond, 0, "57014"},
		"of a lock":      {time.Minute, 50 * time.Millisecond, "55P03"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			patient := options(migratedURL(t))
			unlimited, err := store.New(t.Context(), patient)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(unlimited.Close)
			limited := patient
			limited.StatementTimeout, limited.LockTimeout = test.statement, test.lock
			s, err := store.New(t.Context(), limited)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			product := create(t, unlimited, aProduct("SLOW", "Held by another"))
			release := locked(t, limited.URL, product.ID)
			_, err = s.Update(t.Context(), product, catalog.AnyVersion)
			unavailable(t, err, test.code)
			release()
			recovers(t, "an update of what was released", func(ctx context.Context) error {
				_, err := s.Update(ctx, product, catalog.AnyVersion)
				return err
			})
		})
	}
}

func TestATransactionThatDoesNothingIsEnded(t *testing.T) {
	limited := options(migratedURL(t))
	limited.IdleInTransactionTimeout = 500 * time.Millisecond
	s, err := store.New(t.Context(), limited)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	product := create(t, s, aProduct("IDLE", "Held by one who has gone to sleep"))
	tx, err := s.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	if _, err := tx.Exec(t.Context(), "SELECT FROM products WHERE id = $1 FOR UPDATE", product.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Update(t.Context(), product, catalog.AnyVersion); err != nil {
		t.Errorf("update what the other held: %v", err)
	}
}

func TestAShutdownByTheOperator(t *testing.T) {
	url := migratedURL(t)
	s := open(t, url)
	product := create(t, s, aProduct("STOP", "Waited for when the server stops"))
	release := locked(t, url, product.ID)
	defer release()
	ended := make(chan error, 1)
	go func() {
		_, err := s.Update(context.Background(), product, catalog.AnyVersion)
		ended <- err
	}()
	other := open(t, url)
	recovers(t, "the waiting update", func(ctx context.Context) error { // appears, then is ended
		var ended bool
		err := other.Pool().QueryRow(ctx, `SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&ended)
		if err == nil && !ended {
			err = errors.New("nobody waits for a lock")
		}
		return err
	})
	unavailable(t, <-ended, "57P01")
	recovers(t, "reading", func(ctx context.Context) error {
		_, err := s.Get(ctx, product.ID)
		return err
	})
}

func TestADatabaseThatTakesNoWrites(t *testing.T) {
	url := migratedURL(t)
	before := open(t, url)
	product := create(t, before, aProduct("READ", "Only read"))
	database, _, _ := strings.Cut(strings.TrimPrefix(url, "postgres:///"), "?")
	run(t, url, "ALTER DATABASE "+database+" SET default_transaction_read_only = on")
	s := open(t, url)
	_, err := s.Update(t.Context(), product, catalog.AnyVersion)
	unavailable(t, err, "25006")
	if _, err := s.Get(t.Context(), product.ID); err != nil {
		t.Errorf("read: %v", err)
	}
}

func TestTooManyConnections(t *testing.T) {
	url := migratedURL(t)
	role := fmt.Sprintf("few_%d", time.Now().UnixNano())
	run(t, url, "CREATE ROLE "+role+" LOGIN CONNECTION LIMIT 1; GRANT ALL ON ALL TABLES IN SCHEMA public TO "+role)
	t.Cleanup(func() { run(t, url, "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	as := strings.Replace(url, "user=postgres", "user="+role, 1)
	connection, err := pgx.Connect(t.Context(), as)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, as)
	_, err = s.List(t.Context(), catalog.Query{Limit: 1})
	unavailable(t, err, "53300")
	if err := connection.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	recovers(t, "listing", func(ctx context.Context) error {
		_, err := s.List(ctx, catalog.Query{Limit: 1})
		return err
	})
	s.Close() // or the role can't be dropped
}

func TestAWrongPasswordPasses(t *testing.T) {
	s := open(t, strings.Replace(postgres.URL(t, "postgres"), "user=postgres", "user=ghost", 1))
	_, err := s.Get(t.Context(), catalog.ID{})
	unavailable(t, err, "28000")
}
