//go:build linux

package redis

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func read(decoder *gob.Decoder, redis *miniredis.Miniredis, now time.Time) (int, error) {
	var begin header
	if err := decoder.Decode(&begin); err != nil {
		return 0, err
	}
	if begin.Format != format {
		return 0, fmt.Errorf("it has format %d, and this is %d", begin.Format, format)
	}
	for keys := 0; ; {
		var next entry
		err := decoder.Decode(&next)
		if errors.Is(err, io.EOF) {
			return keys, nil
		}
		if err != nil {
			return 0, err
		}
		if !next.Expires.IsZero() && !next.Expires.After(now) {
			continue
		}
		if err := next.to(redis.DB(next.Database)); err != nil {
			return 0, fmt.Errorf("key %q: %w", next.Key, err)
		}
		if !next.Expires.IsZero() {
			redis.DB(next.Database).SetTTL(next.Key, next.Expires.Sub(now))
		}
		keys++
	}
}

// to puts the key into the database.
func (e *entry) to(database *miniredis.RedisDB) error {
	var err error
	switch e.Type {
	case "string":
		err = database.Set(e.Key, e.String)
	case "list":
		_, err = database.Push(e.Key, e.List...)
	case "set":
		_, err = database.SetAdd(e.Key, e.List...)
	case "hash":
		for field, value := range e.Hash {
			database.HSet(e.Key, field, value)
		}
	case "zset":
		for member, score := range e.Sorted {
			if _, err = database.ZAdd(e.Key, score, member); err != nil {
				break
			}
		}
	case "stream":
		for _, item := range e.Stream {
			if _, err = database.XAdd(e.Key, item.ID, item.Values); err != nil {
				break
			}
		}
	default:
		err = fmt.Errorf("unknown type %q", e.Type)
	}
	return err
}
