package cache

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Connection says how to reach Redis.
type Connection struct {
	// URL is redis:// or rediss://, with user, password and database number.
	URL string
	// Resolver finds the host's addresses; nil is the system's.
	Resolver *net.Resolver
	// MaxConnections bounds the pool.
	MaxConnections int
	// Timeout bounds each call; Redis is to be faster than what it stands before.
	Timeout time.Duration
}

// Connect makes a client. It connects when it is first used. Errors: a bad URL.
func Connect(connection Connection) (*redis.Client, error) {
	options, err := parse(connection.URL)
	if err != nil {
		return nil, err
	}
	options.PoolSize = connection.MaxConnections
	options.DialTimeout = connection.Timeout
	options.ReadTimeout = connection.Timeout
	options.WriteTimeout = connection.Timeout
	options.PoolTimeout = connection.Timeout
	options.MaxRetries = 1
	options.DialerRetries = 1
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	options.ContextTimeoutEnabled = true
	options.Dialer = dialer(connection, options)
	return redis.NewClient(options), nil
}

// ParseURL refuses what Connect would, without making anything.
func ParseURL(text string) error {
	_, err := parse(text)
	return err
}

func parse(text string) (*redis.Options, error) {
	options, err := redis.ParseURL(text)
	var bad *url.Error
	if errors.As(err, &bad) {
		err = bad.Err // without the URL, which may hold a password
	}
	if err != nil {
		return nil, fmt.Errorf("read the Redis URL: %w", err)
	}
	return options, nil
}

func dialer(connection Connection, options *redis.Options) func(context.Context, string, string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: connection.Timeout, Resolver: connection.Resolver}
	if options.TLSConfig == nil {
		return plain.DialContext
	}
	return (&tls.Dialer{NetDialer: plain, Config: options.TLSConfig}).DialContext
}
