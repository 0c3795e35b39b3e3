package cache

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/cache/redistest"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

var errAbsent = errors.New("no such product")

// products are what caches stand before: each has a version.
type products struct {
	mutex    sync.Mutex
	versions map[uuid.UUID]int64
	loads    atomic.Int64
}

func newProducts(ids ...uuid.UUID) *products {
	p := &products{versions: map[uuid.UUID]int64{}}
	for _, id := range ids {
		p.versions[id] = 1
	}
	return p
}

func (p *products) load(id uuid.UUID) Load {
	return func(context.Context) (Entry, error) {
		p.loads.Add(1)
		p.mutex.Lock()
		defer p.mutex.Unlock()
		version, has := p.versions[id]
		if !has {
			return Entry{}, errAbsent
		}
		return at(version), nil
	}
}

// write makes the next version; who wrote it then has to invalidate.
func (p *products) write(id uuid.UUID) int64 {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.versions[id]++
	return p.versions[id]
}

// replica is the cache of one process, with a clock that the test moves.
type replica struct {
	*Cache
	seen counts
	skip atomic.Int64
}

// newReplica runs a cache whose local entries outlive any test: what ends
// them is invalidation.
func newReplica(t *testing.T, url string) *replica {
	t.Helper()
	r := startReplica(t, url)
	r.awaitLocal(t, true)
	return r
}

func startReplica(t *testing.T, url string) *replica {
	t.Helper()
	client, err := Connect(Connection{URL: url, MaxConnections: 16, Timeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	r := &replica{}
	local := DefaultLocal()
	local.TTL, local.AbsentTTL = time.Hour, time.Hour
	r.Cache = New(Options{
		Client: client, TTL: time.Minute, LoadTimeout: 5 * time.Second, Local: local, Observer: &r.seen,
		NotFound: func(err error) bool { return errors.Is(err, errAbsent) },
		Now:      func() time.Time { return time.Now().Add(time.Duration(r.skip.Load())) },
	})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
		client.Close()
	})
	return r
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !is() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func (r *replica) awaitLocal(t *testing.T, up bool) {
	t.Helper()
	what := "the local tier is out of use"
	if up {
		what = "the local tier is in use"
	}
	eventually(t, what, func() bool { return r.Local() == up })
}

func (r *replica) reads(tier Tier) int {
	r.seen.mutex.Lock()
	defer r.seen.mutex.Unlock()
	return r.seen.tiers[tier]
}

// read gives the version, 0 for none, and who answered.
func (r *replica) read(t *testing.T, id uuid.UUID, load Load) (version int64, by Tier) {
	t.Helper()
	before := map[Tier]int{Local: r.reads(Local), Redis: r.reads(Redis), Store: r.reads(Store)}
	entry, _, err := r.Fetch(context.Background(), id, load)
	if err != nil && !errors.Is(err, errAbsent) {
		t.Fatalf("read: %v", err)
	}
	for tier, count := range before {
		if r.reads(tier) > count {
			by = tier
		}
	}
	return entry.Version, by
}

func (r *replica) expect(t *testing.T, id uuid.UUID, load Load, version int64, by Tier) {
	t.Helper()
	if gotVersion, got := r.read(t, id, load); gotVersion != version || got != by {
		t.Errorf("version %d by %s; want %d by %s", gotVersion, got, version, by)
	}
}

// settle reads until the answer comes from memory, and checks that it is right all the while.
func (r *replica) settle(t *testing.T, id uuid.UUID, load Load, version int64) {
	t.Helper()
	eventually(t, "an answer from memory", func() bool {
		got, by := r.read(t, id, load)
		if got != version {
			t.Errorf("version %d by %s; want %d", got, by, version)
		}
		return by == Local
	})
}

func twoReplicas(t *testing.T) (server *redistest.Server, a, b *replica, id uuid.UUID, store *products) {
	t.Helper()
	server, id = redistest.Start(t), uuid.Must(uuid.NewV7())
	return server, newReplica(t, server.URL()), newReplica(t, server.URL()), id, newProducts(id)
}

func TestReadsAreAnsweredFromTheNearestTier(t *testing.T) {
	_, a, b, id, store := twoReplicas(t)
	a.expect(t, id, store.load(id), 1, Store)
	a.settle(t, id, store.load(id), 1)
	b.expect(t, id, store.load(id), 1, Redis)
	b.settle(t, id, store.load(id), 1)
	if loads := store.loads.Load(); loads != 1 {
		t.Errorf("%d loads, want 1", loads)
	}
}

func TestAWriteIsSeenAtOnceByItsProcessAndSoonByOthers(t *testing.T) {
	_, a, b, id, store := twoReplicas(t)
	a.settle(t, id, store.load(id), 1)
	b.settle(t, id, store.load(id), 1)
	a.Invalidate(t.Context(), id, store.write(id))
	a.expect(t, id, store.load(id), 2, Store)
	eventually(t, "the other process sees the write", func() bool {
		version, _ := b.read(t, id, store.load(id))
		return version == 2
	})
	b.settle(t, id, store.load(id), 2)
}

func TestLocalEntriesExpire(t *testing.T) {
	server, id := redistest.Start(t), uuid.Must(uuid.NewV7())
	store, r := newProducts(id), newReplica(t, server.URL())
	r.settle(t, id, store.load(id), 1)
	r.skip.Store(int64(2 * time.Hour)) // and Redis goes by its own clock
	r.awaitLocal(t, true)              // the last proof was too old by this one
	r.expect(t, id, store.load(id), 1, Redis)
	r.settle(t, id, store.load(id), 1)
}

func TestALoadFromBeforeAnotherProcessesWriteIsNotKeptInMemory(t *testing.T) {
	_, a, b, id, store := twoReplicas(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		b.expect(t, id, func(context.Context) (Entry, error) { close(begun); <-finish; return at(1), nil }, 1, Store)
	})
	<-begun
	before := b.local.mark(id)
	a.Invalidate(t.Context(), id, store.write(id))
	eventually(t, "the invalidation arrives", func() bool { return b.local.mark(id) != before })
	close(finish)
	reader.Wait()
	b.expect(t, id, store.load(id), 2, Store)
	b.settle(t, id, store.load(id), 2)
}

func TestAnEntryFromRedisFromBeforeAWriteIsNotKeptInMemory(t *testing.T) {
	_, a, _, id, store := twoReplicas(t)
	before := a.local.mark(id) // a reader takes version 1 from Redis,
	a.Invalidate(t.Context(), id, store.write(id))
	a.local.keep(id, before, at(1), nil) // and comes to keep it too late
	a.expect(t, id, store.load(id), 2, Store)

	now := a.local.mark(id)
	a.local.keep(id, now, at(3), nil)
	a.local.keep(id, now, at(2), nil) // a slower reader of an older one
	eventually(t, "the newer one is kept", func() bool {
		k, has := a.local.get(id)
		return has && k.entry.Version == 3
	})
}

func TestNoReaderGoesBackWhileItIsNotProvenThatInvalidationsArrive(t *testing.T) {
	l := newLocal(LocalOptions{TTL: time.Hour, AbsentTTL: time.Hour, MaxBytes: 1 << 20, MaxEntries: 100}, time.Now)
	id := uuid.Must(uuid.NewV7())
	l.up(l.elapsed())
	before := l.mark(id)
	l.drop(id) // of version 6
	l.keep(id, l.mark(id), at(6), nil)
	l.proven.Store(0)
	l.keep(id, before, at(7), nil) // a reader gets it from Redis; its invalidation is on its way
	l.prove(l.elapsed())
	if k, has := l.get(id); has {
		t.Errorf("version %d after 7", k.entry.Version)
	}
	l.keep(id, l.mark(id), at(6), nil)
	if k, has := l.get(id); has {
		t.Errorf("version %d after 7", k.entry.Version)
	}
}

func TestWhatWasReadInAnEarlierConnectionIsNotKept(t *testing.T) {
	server, a, _, id, store := twoReplicas(t)
	before := a.local.mark(id)
	server.Kill(t)
	a.awaitLocal(t, false)
	a.local.keep(id, a.local.mark(id), at(1), nil)
	server.Restart(t)
	a.awaitLocal(t, true)
	a.local.keep(id, before, at(1), nil)
	a.expect(t, id, store.load(id), 1, Store)
}

func TestARedisThatComesBackEmptyDoesNotLetOldLoadsIn(t *testing.T) {
	server, a, b, id, store := twoReplicas(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		b.expect(t, id, func(context.Context) (Entry, error) { close(begun); <-finish; return at(1), nil }, 1, Store)
	})
	<-begun
	a.Invalidate(t.Context(), id, store.write(id))
	server.Kill(t) // and the fence is lost
	b.awaitLocal(t, false)
	server.Restart(t)
	b.awaitLocal(t, true)
	close(finish)
	reader.Wait()
	a.settle(t, id, store.load(id), 2)
	b.settle(t, id, store.load(id), 2)
}

func TestWithoutRedisNothingStaleIsReadAndAllRecovers(t *testing.T) {
	server, a, b, id, store := twoReplicas(t)
	a.settle(t, id, store.load(id), 1)
	b.settle(t, id, store.load(id), 1)
	server.Kill(t)
	a.awaitLocal(t, false)
	b.awaitLocal(t, false)
	for range 10 {
		version := store.write(id)
		a.Invalidate(t.Context(), id, version)
		a.expect(t, id, store.load(id), version, Store)
		b.expect(t, id, store.load(id), version, Store)
	}
	if a.Ping(t.Context()) == nil {
		t.Error("a dead Redis answers a ping")
	}
	server.Restart(t)
	a.awaitLocal(t, true)
	b.awaitLocal(t, true)
	a.settle(t, id, store.load(id), 11)
	b.settle(t, id, store.load(id), 11)
	b.Invalidate(t.Context(), id, store.write(id))
	b.settle(t, id, store.load(id), 12)
	eventually(t, "invalidations arrive again", func() bool {
		version, _ := a.read(t, id, store.load(id))
		return version == 12
	})
}

func TestAFrozenRedisEndsTheLocalTier(t *testing.T) {
	server, a, _, id, store := twoReplicas(t)
	a.settle(t, id, store.load(id), 1)
	server.Freeze(t)
	a.awaitLocal(t, false)
	version := store.write(id)
	a.Invalidate(t.Context(), id, version)
	a.expect(t, id, store.load(id), 2, Store)
	server.Thaw(t)
	a.awaitLocal(t, true)
	a.settle(t, id, store.load(id), 2)
}

func TestAProcessThatIsCutOffGoesToTheStore(t *testing.T) {
	server, id := redistest.Start(t), uuid.Must(uuid.NewV7())
	store := newProducts(id)
	proxy := storetest.NewProxy(t, "unix", server.Socket())
	proxy.Up(t)
	a, b := newReplica(t, server.URL()), newReplica(t, "redis://"+proxy.Address())
	a.settle(t, id, store.load(id), 1)
	b.settle(t, id, store.load(id), 1)
	proxy.Down()
	b.awaitLocal(t, false)
	a.Invalidate(t.Context(), id, store.write(id))
	a.settle(t, id, store.load(id), 2)
	for range 2 * breakAfter {
		b.expect(t, id, store.load(id), 2, Store)
	}
	proxy.Up(t)
	b.awaitLocal(t, true)
	b.settle(t, id, store.load(id), 2)
}

// link is a connection to the server that can die without a word.
type link struct {
	dead atomic.Bool
	net.Listener
}

func newLink(t *testing.T, server *redistest.Server) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{Listener: listener}
	t.Cleanup(func() { l.Close() })
	copyTo := func(to, from net.Conn) {
		defer to.Close()
		buffer := make([]byte, 4096)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			if l.dead.Load() {
				continue
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("unix", server.Socket())
			if err != nil {
				client.Close()
				continue
			}
			go copyTo(upstream, client)
			go copyTo(client, upstream)
		}
	}()
	return l
}

func TestAConnectionThatDiesSilentlyIsNoticed(t *testing.T) {
	server, id := redistest.Start(t), uuid.Must(uuid.NewV7())
	store, l := newProducts(id), newLink(t, server)
	a, b := newReplica(t, server.URL()), newReplica(t, "redis://"+l.Addr().String())
	b.settle(t, id, store.load(id), 1)
	l.dead.Store(true)
	a.Invalidate(t.Context(), id, store.write(id))
	b.awaitLocal(t, false) // or it would answer version 1 for an hour
	b.expect(t, id, store.load(id), 2, Store)
	l.dead.Store(false)
	b.awaitLocal(t, true)
	b.settle(t, id, store.load(id), 2)
}

func TestAMessageThatIsNotUnderstoodEmptiesMemory(t *testing.T) {
	server, a, _, id, store := twoReplicas(t)
	for _, message := range []string{"", "x", push(1, id) + "x", strings.Repeat("0", 55)} {
		a.settle(t, id, store.load(id), 1)
		before := a.local.mark(id)
		if err := server.Client(t).Publish(t.Context(), pushChannel, message).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it arrives", func() bool { return a.local.mark(id).generation > before.generation+1 })
		a.awaitLocal(t, true)
		a.expect(t, id, store.load(id), 1, Redis)
	}
	a.seen.mutex.Lock()
	defer a.seen.mutex.Unlock()
	for i, up := range a.seen.locals {
		if up != (i%2 == 0) {
			t.Errorf("told %v", a.seen.locals)
			break
		}
	}
}

func TestAbsenceIsRemembered(t *testing.T) {
	_, a, b, _, store := twoReplicas(t)
	missing := uuid.Must(uuid.NewV7())
	a.expect(t, missing, store.load(missing), 0, Store)
	b.settle(t, missing, store.load(missing), 0)
	eventually(t, "it is remembered", func() bool {
		loads := store.loads.Load()
		entry, result, err := a.Fetch(t.Context(), missing, store.load(missing))
		if !errors.Is(err, errAbsent) || entry.Body != nil {
			t.Errorf("%v, %v; want what the loader said", entry, err)
		}
		if result == Hit && store.loads.Load() != loads {
			t.Error("a hit went to the loader")
		}
		return result == Hit
	})
	a.Invalidate(t.Context(), missing, store.write(missing)) // it is created
	a.expect(t, missing, store.load(missing), 1, Store)
	eventually(t, "the other process finds it", func() bool {
		version, _ := b.read(t, missing, store.load(missing))
		return version == 1
	})
}

func TestAbsenceFromBeforeTheCreationIsNotRememberedNorShared(t *testing.T) {
	_, a, b, _, store := twoReplicas(t)
	id := uuid.Must(uuid.NewV7())
	begun, finish := make(chan struct{}), make(chan struct{})
	var first, second sync.WaitGroup
	first.Go(func() {
		b.expect(t, id, func(context.Context) (Entry, error) { close(begun); <-finish; return Entry{}, errAbsent }, 0, Store)
	})
	<-begun
	a.Invalidate(t.Context(), id, store.write(id))
	second.Go(func() { // knows of the creation, and may come to wait for that load
		entry, _, err := b.Fetch(t.Context(), id, store.load(id))
		if err != nil || entry.Version != 1 {
			t.Errorf("version %d, %v; want the product that was made before", entry.Version, err)
		}
	})
	eventually(t, "the second reads", func() bool { return b.reads(Store) == 2 })
	close(finish)
	first.Wait()
	second.Wait()
	b.settle(t, id, store.load(id), 1)
}

func TestOtherErrorsAndAbsenceWithoutRedisAreNotRemembered(t *testing.T) {
	server, a, _, id, store := twoReplicas(t)
	broken := errors.New("broken")
	for range 2 {
		_, result, err := a.Fetch(t.Context(), id, func(context.Context) (Entry, error) { return Entry{}, broken })
		if !errors.Is(err, broken) || result != Miss {
			t.Errorf("%s %v, want the loader's error each time", result, err)
		}
	}
	server.Kill(t)
	a.awaitLocal(t, false)
	missing := uuid.Must(uuid.NewV7())
	before := store.loads.Load()
	for range 3 {
		a.expect(t, missing, store.load(missing), 0, Store)
	}
	if loads := store.loads.Load() - before; loads != 3 {
		t.Errorf("%d loads for 3 reads", loads)
	}
}

func TestBypassKeepsNothingAndInvalidationGoesOn(t *testing.T) {
	_, a, b, id, store := twoReplicas(t)
	for range 2 {
		entry, result, err := a.Bypass(t.Context(), id, store.load(id))
		if err != nil || entry.Version != 1 || result != Bypass {
			t.Errorf("%v %s %v", entry, result, err)
		}
	}
	b.expect(t, id, store.load(id), 1, Store) // Redis has nothing
	a.settle(t, id, store.load(id), 1)
	b.Invalidate(t.Context(), id, store.write(id))
	eventually(t, "the write arrives", func() bool {
		version, _ := a.read(t, id, store.load(id))
		return version == 2
	})
}

func TestTheEndOfRunIsToldAsSuch(t *testing.T) {
	client, seen := redistest.Start(t).Client(t), &counts{}
	c := New(Options{Client: client, TTL: time.Minute, LoadTimeout: time.Second, Local: DefaultLocal(), Observer: seen, Now: time.Now})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	eventually(t, "the local tier is in use", c.Local)
	stop()
	running.Wait()
	if c.Local() || !errors.Is(seen.why, context.Canceled) {
		t.Errorf("in use %t, because of %v", c.Local(), seen.why)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	began := time.Now()
	for name, test := range map[string]struct {
		options LocalOptions
		body    int
		most    int
	}{
		"by entries": {LocalOptions{TTL: time.Hour, MaxBytes: 1 << 20, MaxEntries: 100}, 10, 100},
		"by bytes":   {LocalOptions{TTL: time.Hour, MaxBytes: 100 << 10, MaxEntries: 1000}, 10<<10 - entryOverhead, 10},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLocal(test.options, func() time.Time { return began })
			l.up(0)
			for range 2000 {
				id := uuid.Must(uuid.NewV7())
				l.keep(id, l.mark(id), Entry{Version: 1, Body: make([]byte, test.body)}, nil)
			}
			l.entries.CleanUp()
			if size := l.entries.EstimatedSize(); size > test.most || size < test.most/2 {
				t.Errorf("%d entries, want at most %d", size, test.most)
			}
		})
	}
}

func TestWithoutLocalOptionsThereIsNoLocalTier(t *testing.T) {
	for name, options := range map[string]LocalOptions{
		"none": {}, "no time": {MaxBytes: 1, MaxEntries: 1}, "no bytes": {TTL: 1, MaxEntries: 1}, "no entries": {TTL: 1, MaxBytes: 1},
	} {
		if newLocal(options, time.Now) != nil {
			t.Errorf("%s: there is one", name)
		}
	}
}

// Readers and writers on two replicas, at once: who writes sees it in its own
// process, no reader ever goes back in time, and all agree in the end.
func TestReplicasUnderConcurrentWrites(t *testing.T) {
	_, a, b, _, _ := twoReplicas(t)
	ids := []uuid.UUID{uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())}
	store := newProducts(ids...)
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for _, r := range []*replica{a, b} {
		for range 2 {
			readers.Go(func() {
				last := map[uuid.UUID]int64{}
				for {
					select {
					case <-done:
						return
					default:
					}
					id := ids[rand.IntN(len(ids))]
					entry, result, err := r.Fetch(context.Background(), id, store.load(id))
					if err != nil {
						t.Errorf("read: %v", err)
						return
					}
					if entry.Version < last[id] {
						t.Errorf("a reader of version %d got %d (%s)", last[id], entry.Version, result)
						return
					}
					last[id] = entry.Version
				}
			})
		}
		writers.Go(func() {
			for range 150 {
				id := ids[rand.IntN(len(ids))]
				version := store.write(id)
				r.Invalidate(context.Background(), id, version)
				entry, result, err := r.Fetch(context.Background(), id, store.load(id))
				if err != nil || entry.Version < version {
					t.Errorf("after writing version %d: %d, %s, %v", version, entry.Version, result, err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	for _, id := range ids {
		want := store.versions[id]
		for _, r := range []*replica{a, b} {
			eventually(t, "the replicas agree", func() bool {
				version, _ := r.read(t, id, store.load(id))
				return version == want
			})
		}
	}
	if a.reads(Local) == 0 && b.reads(Local) == 0 {
		t.Error("nothing was read from memory")
	}
}
