// Package store keeps products in Postgres.
package store

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pocctl/pocctl/internal/app/store/query"
)

//go:generate go tool -modfile=../../../tools/go.mod sqlc generate

// Options say how to reach the database.
type Options struct {
	// URL is a Postgres connection URL or keyword string.
	URL string
	// Resolver finds the host's addresses; nil is the system's.
	Resolver *net.Resolver
	// ConnectTimeout bounds each attempt to connect.
	ConnectTimeout time.Duration
	// Tracer is told of every query; nil is nobody.
	Tracer pgx.QueryTracer

	// The rest is of New alone: migrations and seeds take as long as they take.

	// MaxConnections bounds the pool.
	MaxConnections int32
	// MinIdleConnections are kept at hand beside those in use, so that a burst
	// doesn't wait for handshakes. It is capped by MaxConnections.
	MinIdleConnections int32
	// StatementTimeout is how long Postgres works on one statement before it
	// gives up; 0 is no limit.
	StatementTimeout time.Duration
	// LockTimeout is how long a statement waits for a lock; 0 is no limit. Less
	// than StatementTimeout tells the one from the other.
	LockTimeout time.Duration
	// IdleInTransactionTimeout is how long a transaction may have nothing to do
	// before Postgres ends its connection, and with it its locks; 0 is no limit.
	IdleInTransactionTimeout time.Duration
}

// How long connections live. They end at different times, so that they aren't
// all made anew at once; and soon enough to move to a database that another
// has taken over for.
const (
	connectionLifetime = 30 * time.Minute
	lifetimeJitter     = 5 * time.Minute
	connectionIdleTime = 5 * time.Minute
	healthCheckPeriod  = 15 * time.Second
)

// Store is a pool of connections. It is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	queries *query.Queries
	planned *query.Queries // those whose plan hangs on their parameters
	head    int64
}

// planAnew has every statement planned for its parameters, where the pool would
// come to use one plan for all.
type planAnew struct{ *pgxpool.Pool }

func (p planAnew) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return p.Pool.Query(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
}

// New makes a store. It connects in the background and when it is used, so the database may
// come later. Errors: a bad URL.
func New(ctx context.Context, options Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(options.URL)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err)
	}
	options.apply(config.ConnConfig)
	options.limit(config.ConnConfig.RuntimeParams)
	config.ConnConfig.BuildContextWatcherHandler = lenient
	config.MaxConns = options.MaxConnections
	config.MinIdleConns = min(options.MinIdleConnections, options.MaxConnections)
	config.MaxConnLifetime = connectionLifetime
	config.MaxConnLifetimeJitter = lifetimeJitter
	config.MaxConnIdleTime = connectionIdleTime
	config.HealthCheckPeriod = healthCheckPeriod
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("make the database pool: %w", err)
	}
	head, err := Head()
	if err != nil {
		return nil, err
	}
	return &Store{pool: pool, queries: query.New(pool), planned: query.New(planAnew{pool}), head: head}, nil
}

// Pool is for those who keep tables of their own beside the store's.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Close waits for connections in use, then closes them all.
func (s *Store) Close() { s.pool.Close() }

// Stat is the pool's present state.
func (s *Store) Stat() *pgxpool.Stat { return s.pool.Stat() }

// ParseURL refuses what New would, without making anything.
func ParseURL(url string) error {
	_, err := pgx.ParseConfig(url)
	return err
}

func (o Options) config() (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err)
	}
	o.apply(config)
	return config, nil
}

func (o Options) apply(config *pgx.ConnConfig) {
	config.ConnectTimeout = o.ConnectTimeout
	config.Tracer = o.Tracer
	config.RuntimeParams["application_name"] = "pocctl"
	config.RuntimeParams["client_min_messages"] = "warning" // notices would be sent to be thrown away
	resolver := o.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	config.LookupFunc = resolver.LookupHost
	config.DialFunc = pgconn.DialFunc((&net.Dialer{Timeout: o.ConnectTimeout, Resolver: resolver}).DialContext)
}

// leaveTime is how long a statement may go on once its caller has gone.
const leaveTime = 300 * time.Millisecond

// lenient lets a statement end whose caller has gone. To cut it would cost the
// connection, and another one more than the statement: when many callers leave a
// busy database, that would keep it busy.
func lenient(connection *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.DeadlineContextWatcherHandler{Conn: connection.Conn(), DeadlineDelay: leaveTime}
}

// limit bounds what a session may do. The service's statements are short: to
// compile one would take longer than to run it.
func (o Options) limit(parameters map[string]string) {
	parameters["jit"] = "off"
	for name, limit := range map[string]time.Duration{
		"statement_timeout":                   o.StatementTimeout,
		"lock_timeout":                        o.LockTimeout,
		"idle_in_transaction_session_timeout": o.IdleInTransactionTimeout,
	} {
		if limit > 0 {
			parameters[name] = strconv.FormatInt(max(1, limit.Milliseconds()), 10)
		}
	}
}
