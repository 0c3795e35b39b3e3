package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// HoldConnections opens idle connections until a share of all that the server allows
// is in use, whoever uses them, keeps them for a while or until ctx ends, and gives
// how many they were. It is for exercises: alerts have to tell of it.
func HoldConnections(ctx context.Context, options Options, share float64, lasts time.Duration) (held int, err error) {
	if share <= 0 || share >= 1 {
		return 0, fmt.Errorf("hold %g of the connections: the share has to be between 0 and 1", share)
	}
	var connections []*pgx.Conn
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		for _, one := range connections {
			err = errors.Join(err, one.Close(closing))
		}
	}()
	open := func() error {
		one, err := pgx.Connect(ctx, options.URL)
		if err != nil {
			return fmt.Errorf("open connection %d: %w", len(connections)+1, err)
		}
		connections = append(connections, one)
		return nil
	}
	if err := open(); err != nil {
		return 0, err
	}
	var most, used int
	if err := connections[0].QueryRow(ctx, "SELECT current_setting('max_connections')::int, count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'").
		Scan(&most, &used); err != nil {
		return 0, fmt.Errorf("count the connections: %w", err)
	}
	for wanted := int(share*float64(most)) - used; len(connections) <= wanted; {
		if err := open(); ctx.Err() != nil {
			return len(connections), nil // they need not be held any longer
		} else if err != nil {
			return len(connections), err
		}
	}
	select {
	case <-ctx.Done():
	case <-time.After(lasts):
	}
	return len(connections), nil
}
