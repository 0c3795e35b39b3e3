// Package app is the service behind `pocctl serve`, with `migrate` and `seed`.
// It knows nothing of the platform that runs it, and reads no environment.
package app

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/telemetry"
)

// Options of Serve, Migrate and Seed. Start from Defaults.
type Options struct {
	// Address is where Serve listens, host:port, and nowhere else.
	Address string
	// DatabaseURL is a Postgres connection URL; all three need it.
	DatabaseURL string
	// RedisURL is redis:// or rediss://; empty serves without a cache.
	RedisURL string
	// Resolver finds the addresses of database and Redis; nil is the system's.
	Resolver *net.Resolver

	// LogLevel is debug, info, warn or error.
	LogLevel string
	// LogOutput takes the log, one JSON object a line.
	LogOutput io.Writer

	// RequestTimeout bounds the work on one request.
	RequestTimeout time.Duration
	// ReadinessDelay is how long Serve goes on as before, but not ready, once
	// it is asked to stop: load balancers take that long to hear of it.
	ReadinessDelay time.Duration
	// ShutdownTimeout is how long requests may then take to finish.
	ShutdownTimeout time.Duration

	// CacheTTL is how long a product stays in the cache, give or take a tenth.
	CacheTTL time.Duration
	// RedisTimeout bounds each call to Redis.
	RedisTimeout time.Duration
	// RedisConnections bounds the pool of connections to Redis.
	RedisConnections int

	// DatabaseConnections bounds the pool of connections to Postgres.
	DatabaseConnections int
	// ConnectTimeout bounds each attempt to connect to Postgres.
	ConnectTimeout time.Duration
	// StatementTimeout bounds each statement of Serve; Migrate and Seed have none.
	StatementTimeout time.Duration

	// DatabaseWait is how long Migrate and Seed wait for the database to come
	// up; and Migrate, then, for another that is migrating.
	DatabaseWait time.Duration
	// SeedCount is how many products Seed makes sure of.
	SeedCount int

	// Build says what /version answers.
	Build Build

	// Started, if set, is told the address once Serve listens: of use with port 0.
	Started func(net.Addr)
}

// Build says which build this is.
type Build struct {
	Version string
	Commit  string
	Date    string // RFC 3339
}

// Defaults are the options that suit most; Address and the URLs are the caller's.
func Defaults() Options {
	return Options{
		Address:             "127.0.0.1:8080",
		LogLevel:            "info",
		LogOutput:           os.Stderr,
		RequestTimeout:      5 * time.Second,
		ReadinessDelay:      5 * time.Second,
		ShutdownTimeout:     20 * time.Second,
		CacheTTL:            time.Minute,
		RedisTimeout:        250 * time.Millisecond,
		RedisConnections:    20,
		DatabaseConnections: 10,
		ConnectTimeout:      3 * time.Second,
		StatementTimeout:    3 * time.Second,
		DatabaseWait:        time.Minute,
		SeedCount:           200,
		Build:               Build{Version: "dev"},
	}
}

// maxPool is more connections than one process can use well.
const maxPool = 1000

// OptionError is an option that can't be used. Nothing was done.
type OptionError struct {
	Option string // the field of Options
	Err    error
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

// Validate returns an *OptionError for the first option that can't be used.
func (o Options) Validate() error {
	refuse := func(option string, err error) error { return &OptionError{option, err} }
	if o.DatabaseURL == "" {
		return refuse("DatabaseURL", errors.New("is needed"))
	}
	if err := store.ParseURL(o.DatabaseURL); err != nil {
		return refuse("DatabaseURL", err)
	}
	if o.RedisURL != "" {
		if err := cache.ParseURL(o.RedisURL); err != nil {
			return refuse("RedisURL", err)
		}
	}
	if _, _, err := net.SplitHostPort(o.Address); err != nil {
		return refuse("Address", err)
	}
	if o.LogOutput == nil {
		return refuse("LogOutput", errors.New("is needed"))
	}
	if _, err := telemetry.NewLogger(io.Discard, o.LogLevel); err != nil {
		return refuse("LogLevel", err)
	}
	for _, limit := range []struct {
		option string
		value  time.Duration
	}{
		{"RequestTimeout", o.RequestTimeout}, {"ShutdownTimeout", o.ShutdownTimeout}, {"CacheTTL", o.CacheTTL},
		{"RedisTimeout", o.RedisTimeout}, {"ConnectTimeout", o.ConnectTimeout},
		{"StatementTimeout", o.StatementTimeout}, {"DatabaseWait", o.DatabaseWait},
	} {
		if limit.value < time.Millisecond {
			return refuse(limit.option, fmt.Errorf("must be at least 1ms, not %s", limit.value))
		}
	}
	for _, pool := range []struct {
		option string
		value  int
	}{
		{"RedisConnections", o.RedisConnections}, {"DatabaseConnections", o.DatabaseConnections},
	} {
		if pool.value < 1 || pool.value > maxPool {
			return refuse(pool.option, fmt.Errorf("must be from 1 to %d, not %d", maxPool, pool.value))
		}
	}
	if o.SeedCount < 0 || o.SeedCount > maxSeed {
		return refuse("SeedCount", fmt.Errorf("must be from 0 to %d, not %d", maxSeed, o.SeedCount))
	}
	if o.ReadinessDelay < 0 {
		return refuse("ReadinessDelay", errors.New("must not be negative"))
	}
	return nil
}

func (o Options) logger() *zap.Logger {
	logger, err := telemetry.NewLogger(o.LogOutput, o.LogLevel)
	if err != nil {
		return zap.NewNop() // Validate has refused it
	}
	return logger
}

func (o Options) store() store.Options {
	return store.Options{
		URL:            o.DatabaseURL,
		Resolver:       o.Resolver,
		MaxConnections: int32(o.DatabaseConnections),
		ConnectTimeout: o.ConnectTimeout,
	}
}
