package cache

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/cache/redistest"
)

type deaf struct{}

func (deaf) CacheRead(Result, Tier) {}
func (deaf) CacheInvalidation(bool) {}
func (deaf) CacheUp(bool)           {}
func (deaf) CacheLocal(bool, error) {}

func benchmarkFetch(b *testing.B, local LocalOptions) {
	server := redistest.Start(b)
	client, err := Connect(Connection{URL: server.URL(), MaxConnections: 16, Timeout: time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	c := New(Options{Client: client, TTL: time.Hour, LoadTimeout: time.Second, Local: local, Observer: deaf{}, Now: time.Now})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	defer func() { stop(); <-ended }()
	for deadline := time.Now().Add(10 * time.Second); local.TTL > 0 && !c.Local(); {
		if time.Now().After(deadline) {
			b.Fatal("the local tier doesn't come up")
		}
	}
	ids := make([]uuid.UUID, 1000)
	load := func(context.Context) (Entry, error) { return Entry{Version: 1, Body: make([]byte, 400)}, nil }
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7())
		if _, _, err := c.Fetch(ctx, ids[i], load); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, result, err := c.Fetch(ctx, ids[i%len(ids)], load); err != nil || result != Hit {
			b.Fatal(result, err)
		}
		i++
	}
}

func BenchmarkFetchFromMemory(b *testing.B) {
	local := DefaultLocal()
	local.TTL = time.Hour
	benchmarkFetch(b, local)
}

func BenchmarkFetchFromRedis(b *testing.B) { benchmarkFetch(b, LocalOptions{}) }
