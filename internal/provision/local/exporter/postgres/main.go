//go:build linux

// Package postgres gives metrics of a Postgres by the names of postgres_exporter, for
// whose image it stands where images aren't pulled: those that dashboards and alerts
// are written for. It is a program of pocctl's own; docs/adr/0026 says why.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/provision/local/exporter"
)

// Main serves until the context ends. DATA_SOURCE_NAME, or DATA_SOURCE_URI with
// DATA_SOURCE_USER and DATA_SOURCE_PASS, say where Postgres is, as they do to the
// official image; each may be in a file, for example that of DATA_SOURCE_PASS_FILE.
func Main(ctx context.Context, options exporter.Options) error {
	options = options.Defaults()
	flags := exporter.NewFlags("postgres_exporter", ":9187", "log.level")
	if err := flags.Read(options.Args); err != nil {
		return fmt.Errorf("start the Postgres exporter: %w", err)
	}
	log, err := exporter.Logger(options, flags.Level)
	if err != nil {
		return fmt.Errorf("start the Postgres exporter: %w", err)
	}
	connect, err := connection(options)
	if err != nil {
		return fmt.Errorf("start the Postgres exporter: %w", err)
	}
	c := newCollector(connect, log)
	defer c.close(ctx)
	metrics := exporter.Scrapes(exporter.Registry(), c)
	return exporter.Serve(ctx, flags.Listen, options.Address, exporter.Routes(flags.Path, metrics), log)
}

// connection is how Postgres is reached.
func connection(options exporter.Options) (*pgx.ConnConfig, error) {
	source, err := options.Variable("DATA_SOURCE_NAME")
	if err != nil {
		return nil, err
	}
	if source == "" {
		var parts [3]string
		for i, name := range []string{"DATA_SOURCE_USER", "DATA_SOURCE_PASS", "DATA_SOURCE_URI"} {
			if parts[i], err = options.Variable(name); err != nil {
				return nil, err
			}
		}
		if parts[2] == "" {
			return nil, errors.New("neither DATA_SOURCE_NAME nor DATA_SOURCE_URI says where Postgres is")
		}
		source = "postgresql://" + url.UserPassword(parts[0], parts[1]).String() + "@" + parts[2]
	}
	connect, err := pgx.ParseConfig(source)
	if err != nil {
		return nil, fmt.Errorf("read where Postgres is: %w", err)
	}
	connect.ConnectTimeout = timeout
	connect.RuntimeParams["application_name"] = "postgres_exporter"
	// A query that hangs must not hold a connection.
	connect.RuntimeParams["statement_timeout"] = fmt.Sprint(timeout.Milliseconds())
	return connect, nil
}
