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
	// MaxConnections bounds the pool.
	MaxConnections int32
	// StatementTimeout is how long Postgres works on one statement before it
	// gives up; 0 is no limit.
	StatementTimeout time.Duration
	// ConnectTimeout bounds each attempt to connect.
	ConnectTimeout time.Duration
}

// Store is a pool of connections. It is safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	queries *query.Queries
	head    int64
}

// New makes a store. It connects when it is first used, so the database may
// come later. Errors: a bad URL.
func New(ctx context.Context, options Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(options.URL)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err)
	}
	options.apply(config.ConnConfig)
	config.MaxConns = options.MaxConnections
	config.MaxConnLifetime = 30 * time.Minute
	config.MaxConnLifetimeJitter = 5 * time.Minute
	config.MaxConnIdleTime = 5 * time.Minute
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("make the database pool: %w", err)
	}
	head, err := Head()
	if err != nil {
		return nil, err
	}
	return &Store{pool: pool, queries: query.New(pool), head: head}, nil
}

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
	config.RuntimeParams["application_name"] = "pocctl"
	if o.StatementTimeout > 0 {
		config.RuntimeParams["statement_timeout"] = strconv.FormatInt(o.StatementTimeout.Milliseconds(), 10)
	}
	resolver := o.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	config.LookupFunc = resolver.LookupHost
	config.DialFunc = pgconn.DialFunc((&net.Dialer{Timeout: o.ConnectTimeout, Resolver: resolver}).DialContext)
}
