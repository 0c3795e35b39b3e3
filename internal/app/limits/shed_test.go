package limits

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newShedder(t testing.TB, lanes map[Lane]LaneOptions) (*Shedder, *tally) {
	t.Helper()
	seen := newTally()
	shedder, err := NewShedder(ShedderOptions{Lanes: lanes, Observer: seen})
	if err != nil {
		t.Fatal(err)
	}
	return shedder, seen
}

// backend does so much at once, each in so much time; the rest waits in it.
// With more than thrash inside, all of it takes longer.
type backend struct {
	slots   chan struct{}
	service time.Duration
	thrash  int

	mutex  sync.Mutex
	inside int
}

func (b *backend) work() {
	b.mutex.Lock()
	b.inside++
	slower := 1.0
	if b.thrash > 0 && b.inside > b.thrash {
		slower = float64(b.inside) / float64(b.thrash)
	}
	b.mutex.Unlock()
	b.slots <- struct{}{}
	time.Sleep(time.Duration(float64(b.service) * slower))
	<-b.slots
	b.mutex.Lock()
	b.inside--
	b.mutex.Unlock()
}

// outcome of a load, from its warm-up to its end.
type outcome struct {
	offered, accepted, shed int
	latencies               []time.Duration
	shedAfter               []time.Duration
}

func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[min(len(times)-1, int(math.Ceil(q*float64(len(times)))))]
}

// send offers so many requests a second, whatever becomes of them. Latency
// counts from when a request was due. What comes in the warm-up isn't counted.
func send(s *Shedder, lane Lane, b *backend, rate float64, warmup, duration time.Duration) outcome {
	var result outcome
	var mutex sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	for i := 0; ; i++ {
		due := time.Duration(float64(i) / rate * float64(time.Second))
		if due >= warmup+duration {
			break
		}
		time.Sleep(due - time.Since(began))
		all.Go(func() {
			permit, err := s.Acquire(context.Background(), lane)
			if err == nil {
				b.work()
				permit.Release(true)
			}
			took := time.Since(began) - due
			mutex.Lock()
			defer mutex.Unlock()
			switch {
			case due < warmup:
			case err != nil:
				result.shed++
				result.shedAfter = append(result.shedAfter, took)
			default:
				result.accepted++
				result.latencies = append(result.latencies, took)
			}
			if due >= warmup {
				result.offered++
			}
		})
	}
	all.Wait()
	return result
}

func TestOverload(t *testing.T) {
	const service = 20 * time.Millisecond
	options := LaneOptions{Target: 3 * service, Min: 4, Initial: 64, Max: 512, Queue: 32, Patience: service}
	for name, test := range map[string]struct {
		capacity int // at once
		thrash   int
		warmup   time.Duration
		worse    int // how many times the unloaded p99 is good enough
	}{
		// The limit is 64 at first, and so is the backlog, once.
		"from the first request on":    {capacity: 10, worse: 8},
		"for a while":                  {capacity: 10, worse: 6, warmup: time.Second},
		"for long":                     {capacity: 10, worse: 6, warmup: 2 * time.Minute},
		"much more than at first":      {capacity: 200, worse: 6},
		"much less than at first":      {capacity: 2, worse: 6, warmup: 2 * time.Second},
		"what slows down when crowded": {capacity: 10, worse: 6, thrash: 30, warmup: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shedder, seen := newShedder(t, map[Lane]LaneOptions{Query: options})
				b := &backend{slots: make(chan struct{}, test.capacity), service: service, thrash: test.thrash}
				possible := float64(test.capacity) / service.Seconds()
				unloaded := send(shedder, Query, b, possible/4, 0, 2*time.Second)
				if unloaded.shed > 0 {
					t.Errorf("%d of %d shed without need", unloaded.shed, unloaded.offered)
				}
				const duration = 10 * time.Second
				overload := send(shedder, Query, b, 3*possible, test.warmup, duration)
				p99, usual := quantile(overload.latencies, 0.99), quantile(unloaded.latencies, 0.99)
				goodput := float64(overload.accepted) / (possible * duration.Seconds())
				t.Logf("unloaded p99 %s; at three times the capacity: goodput %.0f%%, p99 %s, p50 %s, shed after p99 %s, limits %v",
					usual, 100*goodput, p99, quantile(overload.latencies, 0.5), quantile(overload.shedAfter, 0.99), shedder.State(Query))
				if p99 > time.Duration(test.worse)*usual {
					t.Errorf("p99 of what was accepted is %s, %s without load", p99, usual)
				}
				if goodput < 0.8 {
					t.Errorf("%.0f%% of the capacity was used", 100*goodput)
				}
				if last := quantile(overload.shedAfter, 1); last > options.Patience {
					t.Errorf("who was sent away waited up to %s for it", last)
				}
				after := send(shedder, Query, b, possible/4, 500*time.Millisecond, 2*time.Second)
				if after.shed > 0 || quantile(after.latencies, 0.99) > usual {
					t.Errorf("afterwards %d of %d were shed, p99 %s", after.shed, after.offered, quantile(after.latencies, 0.99))
				}
				if seen.shed[Full]+seen.shed[Waited] == 0 {
					t.Error("nobody was told of what was shed")
				}
				if state := shedder.State(Query); state.InFlight != 0 || state.Queued != 0 {
					t.Errorf("left behind: %+v", state)
				}
			})
		})
	}
}

func TestWithoutSheddingThatIsACollapse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shedder, _ := newShedder(t, map[Lane]LaneOptions{Query: {Target: time.Hour, Min: 1, Initial: 1 << 20, Max: 1 << 20}})
		b := &backend{slots: make(chan struct{}, 10), service: 20 * time.Millisecond, thrash: 30}
		result := send(shedder, Query, b, 1500, 2*time.Second, 5*time.Second)
		if p50 := quantile(result.latencies, 0.5); p50 < 10*time.Second {
			t.Errorf("the backend holds without: p50 %s", p50) // then TestOverload shows nothing
		}
	})
}

func TestLanesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shedder, _ := newShedder(t, DefaultLanes())
		stuck := make(chan struct{})
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if permit, err := shedder.Acquire(context.Background(), Query); err == nil {
					<-stuck
					permit.Release(true)
				}
			})
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if state := shedder.State(Query); state.InFlight != state.Limit {
			t.Errorf("%+v, want it full", state)
		}
		for _, lane := range []Lane{Point, Change, Admin} {
			permit, err := shedder.Acquire(t.Context(), lane)
			if err != nil {
				t.Errorf("%s: %v", lane, err)
			}
			permit.Release(true)
		}
		close(stuck)
		all.Wait()
	})
}

func TestWhoIsSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := LaneOptions{Target: time.Second, Min: 1, Initial: 1, Max: 1, Queue: 1, Patience: time.Second}
		shedder, seen := newShedder(t, map[Lane]LaneOptions{Query: options})
		permit, err := shedder.Acquire(t.Context(), Query)
		if err != nil {
			t.Fatal(err)
		}
		acquire := func(ctx context.Context) chan error {
			result := make(chan error, 1)
			go func() {
				second, err := shedder.Acquire(ctx, Query)
				second.Release(err == nil)
				result <- err
			}()
			synctest.Wait()
			return result
		}
		refused := func(err error, reason Reason) {
			t.Helper()
			var overloaded *Overloaded
			if !errors.As(err, &overloaded) || overloaded.Reason != reason || overloaded.Lane != Query {
				t.Errorf("%v, want %s", err, reason)
				return
			}
			if wait := overloaded.RetryAfter; wait < time.Second || wait > maxRetry*time.Second || wait%time.Second != 0 {
				t.Errorf("told to come back in %s", wait)
			}
		}
		first := acquire(t.Context())
		_, err = shedder.Acquire(t.Context(), Query)
		refused(err, Full)
		refused(<-first, Waited)

		leaving, leave := context.WithCancel(t.Context())
		second := acquire(leaving)
		leave()
		refused(<-second, Gone)

		third := acquire(t.Context())
		permit.Release(true)
		if err := <-third; err != nil {
			t.Errorf("its turn came, but: %v", err)
		}
		if seen.shed[Full] != 1 || seen.shed[Waited] != 1 || seen.shed[Gone] != 1 {
			t.Errorf("told of %v", seen.shed)
		}
		_, err = shedder.Acquire(t.Context(), "fast")
		var overloaded *Overloaded
		if !errors.As(err, &overloaded) || overloaded.Lane != "fast" {
			t.Errorf("a lane that there isn't: %v", err)
		}
		if state := shedder.State("fast"); state != (LaneState{}) {
			t.Errorf("a lane that there isn't: %+v", state)
		}
		Permit{}.Release(true)
	})
}

func TestTheLimitIsLearnedFromWhatCounts(t *testing.T) {
	options := LaneOptions{Target: 50 * time.Millisecond, Min: 4, Initial: 64, Max: 512}
	for name, test := range map[string]struct {
		at     int // how many at once
		takes  time.Duration
		learn  bool
		lower  bool
		higher bool
	}{
		"slow, many at once":        {at: 20, takes: 100 * time.Millisecond, learn: true, lower: true},
		"slow, few at once":         {at: 4, takes: 100 * time.Millisecond, learn: true},
		"slow, but of no account":   {at: 20, takes: 100 * time.Millisecond},
		"quick, with room":          {at: 20, takes: 10 * time.Millisecond, learn: true},
		"quick, and more wanted":    {at: 80, takes: 10 * time.Millisecond, learn: true, higher: true},
		"slow in one of a hundred":  {at: 20, takes: 0, learn: true},
		"very slow, so few answers": {at: 20, takes: 3 * time.Second, learn: true, lower: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shedder, seen := newShedder(t, map[Lane]LaneOptions{Query: options})
				var all sync.WaitGroup
				began := time.Now()
				for worker := range test.at {
					all.Go(func() {
						for i := 0; time.Since(began) < 10*time.Second; i++ {
							permit, err := shedder.Acquire(context.Background(), Query)
							takes := test.takes
							if takes == 0 {
								takes = 10 * time.Millisecond
								if (i+5*worker)%100 == 0 {
									takes = 100 * time.Millisecond
								}
							}
							time.Sleep(takes)
							if err == nil {
								permit.Release(test.learn)
							}
						}
					})
				}
				all.Wait()
				lowest, highest := slices.Min(seen.limits[Query]), slices.Max(seen.limits[Query])
				if lowered := lowest < options.Initial; lowered != test.lower {
					t.Errorf("limits %v", seen.limits[Query])
				}
				if raised := highest > options.Initial; raised != test.higher {
					t.Errorf("limits %v", seen.limits[Query])
				}
				if lowest < options.Min || highest > options.Max {
					t.Errorf("limits %v", seen.limits[Query])
				}
			})
		})
	}
}

func TestOneBacklogLowersTheLimitOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := LaneOptions{Target: 50 * time.Millisecond, Min: 4, Initial: 64, Max: 64}
		shedder, seen := newShedder(t, map[Lane]LaneOptions{Query: options})
		var backlog []Permit
		for range 40 {
			permit, err := shedder.Acquire(t.Context(), Query)
			if err != nil {
				t.Fatal(err)
			}
			backlog = append(backlog, permit)
		}
		time.Sleep(window)
		for _, permit := range backlog {
			time.Sleep(20 * time.Millisecond)
			permit.Release(true)
		}
		if got := seen.limits[Query]; !slices.Equal(got, []int{64, 32}) {
			t.Errorf("limits %v, want one cut to 32", got)
		}
	})
}

func TestLanesThatAreRefused(t *testing.T) {
	good := DefaultLanes()[Query]
	for name, change := range map[string]func(*LaneOptions){
		"no target":         func(o *LaneOptions) { o.Target = 0 },
		"nothing at once":   func(o *LaneOptions) { o.Min = 0 },
		"begins below":      func(o *LaneOptions) { o.Initial = o.Min - 1 },
		"begins above":      func(o *LaneOptions) { o.Initial = o.Max + 1 },
		"negative queue":    func(o *LaneOptions) { o.Queue = -1 },
		"negative patience": func(o *LaneOptions) { o.Patience = -1 },
	} {
		options := good
		change(&options)
		if _, err := NewShedder(ShedderOptions{Lanes: map[Lane]LaneOptions{Query: options}, Observer: newTally()}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
