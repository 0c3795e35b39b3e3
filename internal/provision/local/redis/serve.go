//go:build linux

package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
)

const (
	// snapshotEvery is the shortest time between two snapshots: what a kill may
	// lose, unless a snapshot takes long.
	snapshotEvery = time.Second
	// tick is how precise the time to live of a key is.
	tick = 100 * time.Millisecond
	// share bounds the part of its time that the server spends on upkeep: 1/share.
	share = 20
)

// serve runs the compiled-in server until the context ends.
//
// It keeps strings, hashes, lists, sets, sorted sets and streams, with their
// times to live, in a snapshot that is written a second after a change and at
// the end. A kill loses the writes since the last snapshot: about a second's, or
// 20 times what writing a big one takes. HyperLogLogs and the consumer groups of
// streams are not kept, and nothing is evicted.
func serve(ctx context.Context, s settings, options Options, log *slog.Logger) error {
	port, err := s.port()
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	data := s.first("dir", options.Data)
	store := snapshot{path: filepath.Join(data, "pocctl-redis.snapshot")}

	redis := miniredis.NewMiniRedis()
	if s.persistent() {
		if err := os.MkdirAll(data, 0o700); err != nil {
			return fmt.Errorf("start Redis: %w", err)
		}
		keys, err := store.load(redis, time.Now())
		if err != nil {
			log.Warn("the snapshot is broken: starting empty, and keeping it aside", "error", err)
			if err := os.Rename(store.path, store.path+".broken"); err != nil {
				return fmt.Errorf("set the broken snapshot aside: %w", err)
			}
		}
		log.Info("data read", "keys", keys, "from", store.path)
		warnOfOthers(data, log)
	}
	if names := s.ignored(); len(names) > 0 {
		log.Warn("the compiled-in Redis does not follow these settings; a redis-server on PATH would", "settings", strings.Join(names, ", "))
	}
	if password := s.first("requirepass", ""); password != "" {
		redis.RequireAuth(password)
	}
	address := net.JoinHostPort(bindAddress(s.first("bind", options.Address)), strconv.Itoa(port))
	if err := redis.StartAddr(address); err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	var changed atomic.Bool
	redis.Server().SetPreHook(func(_ *server.Peer, command string, _ ...string) bool {
		if changes(command) {
			changed.Store(true)
		}
		return false
	})
	log.Info("ready, the compiled-in Redis: there is no redis-server on PATH", "address", address)

	upkeep(ctx, redis, s.persistent(), store, &changed, log)
	redis.Close()
	if s.persistent() {
		if err := store.save(redis, time.Now()); err != nil {
			return fmt.Errorf("keep the data: %w", err)
		}
		log.Info("data kept", "in", store.path)
	}
	log.Info("stopped")
	return nil
}

// upkeep lets time pass for the keys, which the server does not do itself, and
// writes snapshots, until the context ends.
func upkeep(ctx context.Context, redis *miniredis.Miniredis, persistent bool, store snapshot, changed *atomic.Bool, log *slog.Logger) {
	last, nextSnapshot := time.Now(), time.Now().Add(snapshotEvery)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		redis.FastForward(now.Sub(last))
		last = now
		timer.Reset(max(tick, share*time.Since(now)))

		if !persistent || now.Before(nextSnapshot) || !changed.Swap(false) {
			continue
		}
		begun := time.Now()
		if err := store.save(redis, begun); err != nil {
			log.Error("write the snapshot", "error", err)
			changed.Store(true)
		}
		nextSnapshot = time.Now().Add(max(snapshotEvery, share*time.Since(begun)))
	}
}

// bindAddress takes an address as redis-server's bind has it.
func bindAddress(address string) string {
	address = strings.TrimPrefix(address, "-") // "no error if absent"
	if address == "*" {
		return ""
	}
	return address
}

// warnOfOthers tells that data of a real Redis lies unread.
func warnOfOthers(data string, log *slog.Logger) {
	for _, name := range []string{"dump.rdb", "appendonlydir", "appendonly.aof"} {
		if _, err := os.Stat(filepath.Join(data, name)); !errors.Is(err, os.ErrNotExist) {
			log.Warn("data of a redis-server is here, which the compiled-in Redis does not read", "file", name)
		}
	}
}

// changes says whether a command may change data; it knows the frequent ones
// that don't.
func changes(command string) bool {
	switch command {
	case "AUTH", "CLIENT", "COMMAND", "DBSIZE", "ECHO", "EXISTS", "GET", "GETRANGE", "HELLO", "HEXISTS", "HGET",
		"HGETALL", "HKEYS", "HLEN", "HMGET", "HSCAN", "HVALS", "INFO", "KEYS", "LINDEX", "LLEN", "LRANGE", "MGET",
		"PING", "PTTL", "QUIT", "SCAN", "SCARD", "SELECT", "SISMEMBER", "SMEMBERS", "STRLEN", "TTL", "TYPE",
		"XLEN", "XRANGE", "XREAD", "ZCARD", "ZRANGE", "ZSCORE":
		return false
	}
	return true
}
