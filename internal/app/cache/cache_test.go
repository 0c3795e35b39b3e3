package cache

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// fixture is a cache on a Redis of its own, with a clock that the test moves.
type fixture struct {
	*Cache
	redis *miniredis.Miniredis
	id    uuid.UUID
	seen  counts

	mutex   sync.Mutex
	skipped time.Duration // by which the clock is ahead
}

type counts struct {
	mutex         sync.Mutex
	reads         map[Result]int
	tiers         map[Tier]int
	done, delayed int
	ups           []bool
	locals        []bool
	why           error // why the local tier was last given up
}

func (c *counts) CacheRead(result Result, tier Tier) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.reads == nil {
		c.reads, c.tiers = map[Result]int{}, map[Tier]int{}
	}
	c.reads[result]++
	c.tiers[tier]++
}

func (c *counts) CacheInvalidation(done bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if done {
		c.done++
	} else {
		c.delayed++
	}
}

func (c *counts) CacheUp(up bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ups = append(c.ups, up)
}

func (c *counts) CacheLocal(up bool, cause error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.locals, c.why = append(c.locals, up), cause
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{redis: miniredis.RunT(t), id: uuid.Must(uuid.NewV7())}
	client, err := Connect(Connection{URL: "redis://" + f.redis.Addr(), MaxConnections: 16, Timeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { client.Close() })
	f.Cache = New(Options{Client: client, TTL: time.Minute, LoadTimeout: 5 * time.Second, Observer: &f.seen, Now: f.now})
	return f
}

func (f *fixture) now() time.Time {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return time.Now().Add(f.skipped)
}

func (f *fixture) skip(by time.Duration) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.skipped += by
}

func at(version int64) Entry { return Entry{Version: version, Body: []byte(`{"version":1}`)} }

func loads(entry Entry) Load {
	return func(context.Context) (Entry, error) { return entry, nil }
}

// expect reads and compares; a hit must not reach the loader's version.
func (f *fixture) expect(t *testing.T, load Load, version int64, result Result) {
	t.Helper()
	entry, got, err := f.Fetch(t.Context(), f.id, load)
	if err != nil || entry.Version != version || got != result {
		t.Errorf("version %d, %s, %v; want version %d, %s", entry.Version, got, err, version, result)
	}
}

func TestReadThrough(t *testing.T) {
	f := newFixture(t)
	f.expect(t, loads(at(1)), 1, Miss)
	f.expect(t, loads(at(9)), 1, Hit)
	entry, _, err := f.Fetch(t.Context(), f.id, nil)
	if diff := cmp.Diff(at(1), entry); err != nil || diff != "" {
		t.Errorf("hit: %v (-want +got):\n%s", err, diff)
	}
	if ttl := f.redis.TTL(key(f.id)); ttl < 54*time.Second || ttl > 66*time.Second {
		t.Errorf("lives %s, want a minute give or take a tenth", ttl)
	}
	f.redis.FastForward(2 * time.Minute)
	f.expect(t, loads(at(2)), 2, Miss)
	if diff := cmp.Diff(map[Result]int{Hit: 2, Miss: 2}, f.seen.reads); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	f := newFixture(t)
	broken := errors.New("broken")
	_, _, err := f.Fetch(t.Context(), f.id, func(context.Context) (Entry, error) { return Entry{}, broken })
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want the loader's", err)
	}
	_, _, err = f.Fetch(t.Context(), f.id, func(context.Context) (Entry, error) { panic("out of order") })
	if err == nil {
		t.Error("a loader that panics gave no error")
	}
	f.expect(t, loads(at(1)), 1, Miss)
}

func TestInvalidationMakesOldVersionsUnreadable(t *testing.T) {
	f := newFixture(t)
	f.expect(t, loads(at(1)), 1, Miss)
	f.Invalidate(t.Context(), f.id, 2)
	f.expect(t, loads(at(2)), 2, Miss)
	f.expect(t, loads(at(9)), 2, Hit)
}

func TestALoadThatBeganBeforeTheWriteIsNotKept(t *testing.T) {
	f := newFixture(t)
	load := func(ctx context.Context) (Entry, error) {
		f.Invalidate(ctx, f.id, 2) // the write comes while version 1 is on its way
		return at(1), nil
	}
	f.expect(t, load, 1, Miss)
	f.expect(t, loads(at(2)), 2, Miss)
	f.expect(t, loads(at(9)), 2, Hit)
}

func TestAReaderAfterTheWriteDoesNotGetASharedLoadFromBefore(t *testing.T) {
	f := newFixture(t)
	// Another process's write: this one's flight isn't forgotten.
	other := New(f.options)
	begun, finish := make(chan struct{}), make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		f.expect(t, func(context.Context) (Entry, error) { close(begun); <-finish; return at(1), nil }, 1, Miss)
	})
	<-begun
	other.Invalidate(t.Context(), f.id, 2)
	var second sync.WaitGroup
	second.Go(func() { f.expect(t, loads(at(2)), 2, Miss) })
	f.await(t, Miss, 2)
	close(finish)
	first.Wait()
	second.Wait()
}

func (f *fixture) reads(result Result) int {
	f.seen.mutex.Lock()
	defer f.seen.mutex.Unlock()
	return f.seen.reads[result]
}

// await returns once so many reads have had the result.
func (f *fixture) await(t *testing.T, result Result, reads int) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for f.reads(result) < reads {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("%d reads with %s, waited for %d", f.reads(result), result, reads)
		}
	}
}

func TestReadersShareALoad(t *testing.T) {
	f := newFixture(t)
	const readers = 20
	var loaded atomic.Int64
	finish := make(chan struct{})
	load := func(context.Context) (Entry, error) { loaded.Add(1); <-finish; return at(1), nil }
	var all sync.WaitGroup
	for range readers {
		all.Go(func() { f.expect(t, load, 1, Miss) })
	}
	f.await(t, Miss, readers)
	close(finish)
	all.Wait()
	// A reader may be counted a moment before it joins, and find the load over.
	if loaded.Load() > readers/2 {
		t.Errorf("%d loads for %d readers", loaded.Load(), readers)
	}
}

func TestAReaderWhoLeavesTakesNoOtherWithHim(t *testing.T) {
	f := newFixture(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	load := func(ctx context.Context) (Entry, error) {
		close(begun)
		<-finish
		return at(1), ctx.Err()
	}
	leaving, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, _, err := f.Fetch(leaving, f.id, load)
		left <- err
	}()
	<-begun
	var other sync.WaitGroup
	other.Go(func() { f.expect(t, loads(at(1)), 1, Miss) })
	f.await(t, Miss, 2)
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v, want Canceled", err)
	}
	close(finish)
	other.Wait()
}

func TestWithoutRedisReadsGoOn(t *testing.T) {
	f := newFixture(t)
	f.redis.Close()
	for range breakAfter {
		f.expect(t, loads(at(1)), 1, Failed)
	}
	f.expect(t, loads(at(1)), 1, Bypass) // the breaker is open
	if err := f.redis.Restart(); err != nil {
		t.Fatal(err)
	}
	f.skip(coolDown)
	f.expect(t, loads(at(1)), 1, Miss)
	f.expect(t, loads(at(9)), 1, Hit)
	if diff := cmp.Diff([]bool{false, true}, f.seen.ups); diff != "" {
		t.Errorf("told down, then up (-want +got):\n%s", diff)
	}
}

func TestAWriteDuringAnOutageIsNotForgotten(t *testing.T) {
	f := newFixture(t)
	f.expect(t, loads(at(1)), 1, Miss)
	f.redis.Close()
	f.Invalidate(t.Context(), f.id, 2)
	if err := f.redis.Restart(); err != nil { // with version 1 still in it
		t.Fatal(err)
	}
	f.expect(t, loads(at(2)), 2, Bypass)
	f.repeat(t.Context())
	f.expect(t, loads(at(2)), 2, Miss)
	f.expect(t, loads(at(9)), 2, Hit)
	if f.seen.delayed != 1 || f.seen.done != 1 {
		t.Errorf("counted %d delayed and %d done, want one each", f.seen.delayed, f.seen.done)
	}
}

func TestNoRedisAtAll(t *testing.T) {
	f := newFixture(t)
	f.options.Client = nil
	f.expect(t, loads(at(1)), 1, Bypass)
	f.Invalidate(t.Context(), f.id, 2)
	if err := f.Ping(t.Context()); !errors.Is(err, ErrDisabled) {
		t.Errorf("ping: %v, want ErrDisabled", err)
	}
}

func TestStrangeValuesAreMisses(t *testing.T) {
	for _, value := range []string{"", "x", "-000000000000000001{}", "000000000000000000x{}"} {
		f := newFixture(t)
		if err := f.redis.Set(key(f.id), value); err != nil {
			t.Fatal(err)
		}
		f.expect(t, loads(at(3)), 3, Miss)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(at(7)))
	f.Add(encode(Entry{Version: 1<<63 - 1}))
	f.Fuzz(func(t *testing.T, value []byte) {
		version, body, ok := decode(value)
		if !ok {
			return
		}
		if again := encode(Entry{Version: version, Body: body}); !bytes.Equal(again, value) {
			t.Errorf("%q decodes and encodes to %q", value, again)
		}
	})
}
