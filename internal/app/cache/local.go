package cache

import (
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"
)

// LocalOptions of the tier in this process's memory. Without a TTL, bytes or
// entries there is none.
type LocalOptions struct {
	// TTL is how long an entry is used, give or take a tenth. Invalidations keep
	// the tier honest, so this is only the backstop.
	TTL time.Duration
	// AbsentTTL is how long it is remembered that there is no such product.
	AbsentTTL time.Duration
	// MaxBytes and MaxEntries bound the tier; what is read least goes first.
	MaxBytes   int
	MaxEntries int
}

// DefaultLocal suits products of a few hundred bytes.
func DefaultLocal() LocalOptions {
	return LocalOptions{TTL: 3 * time.Second, AbsentTTL: 3 * time.Second, MaxBytes: 8 << 20, MaxEntries: 10_000}
}

// stripes is how many counters of invalidations there are. Products that share
// one lose their entry along with the other: one in 65,536 does.
const stripes = 1 << 16

// entryOverhead is about what an entry costs beside its body, in bytes.
const entryOverhead = 250

// local keeps entries in memory for as long as Redis would tell of their
// invalidation. Each entry bears the mark that was taken before it was read,
// and is used while the mark is still the same: what was read before an
// invalidation is no good after it, however late it arrives.
type local struct {
	options    LocalOptions
	now        func() time.Time
	began      time.Time
	entries    *otter.Cache[uuid.UUID, *kept]
	proven     atomic.Int64  // until then, after began, invalidations are known to arrive
	generation atomic.Uint32 // of the subscription: moves when it comes and when it goes
	counts     []atomic.Uint32
}

// kept is an entry, or that there is none: err then is what the loader said.
// With the zero mark, which no subscription has, it is a version that was seen.
type kept struct {
	entry Entry
	err   error
	mark  mark
	until int64
}

// mark is a moment in the history of a product's invalidations.
type mark struct{ generation, count uint32 }

// newLocal gives nil if there is to be no such tier.
func newLocal(options LocalOptions, now func() time.Time) *local {
	if options.TTL <= 0 || options.MaxBytes < 1 || options.MaxEntries < 1 {
		return nil
	}
	// A small entry counts as a bigger one, so that the bound on bytes is one on entries, too.
	least := max(1, options.MaxBytes/options.MaxEntries)
	entries := otter.Must(&otter.Options[uuid.UUID, *kept]{
		MaximumWeight: uint64(options.MaxBytes),
		Weigher: func(_ uuid.UUID, k *kept) uint32 {
			return uint32(max(least, len(k.entry.Body)+entryOverhead))
		},
	})
	return &local{options: options, now: now, began: now(), entries: entries, counts: make([]atomic.Uint32, stripes)}
}

func (l *local) elapsed() int64 { return int64(l.now().Sub(l.began)) }

// count is the counter of the product's invalidations. The last bytes of an ID are random.
func (l *local) count(id uuid.UUID) *atomic.Uint32 {
	return &l.counts[binary.LittleEndian.Uint16(id[len(id)-2:])]
}

// mark has to be taken before an entry is read from anywhere.
func (l *local) mark(id uuid.UUID) mark {
	if l == nil {
		return mark{}
	}
	return mark{l.generation.Load(), l.count(id).Load()}
}

func (l *local) get(id uuid.UUID) (*kept, bool) {
	if l == nil {
		return nil, false
	}
	now := l.elapsed()
	if now >= l.proven.Load() {
		return nil, false
	}
	k, has := l.entries.GetIfPresent(id)
	if !has || now >= k.until || k.mark != l.mark(id) {
		return nil, false
	}
	return k, true
}

// keep takes an entry that was read after before, or with err that there is none.
// An entry that comes too late isn't used, but from then on no older one is
// either: no reader goes back in time, even while an invalidation is on its way.
func (l *local) keep(id uuid.UUID, before mark, entry Entry, err error) {
	if l == nil || !l.subscribed() {
		return
	}
	// It needn't be proven now that invalidations arrive: it is when the entry is used.
	now := l.elapsed()
	ttl := l.options.TTL
	if err != nil {
		ttl = l.options.AbsentTTL
	}
	until := now + int64(jitter(ttl))
	l.entries.Compute(id, func(there *kept, found bool) (*kept, otter.ComputeOp) {
		late := before != l.mark(id)
		older := found && err == nil && now < there.until && there.entry.Version > entry.Version
		same := found && there.entry.Version == entry.Version
		switch {
		case older, late && (same || err != nil):
			return nil, otter.CancelOp
		case late:
			return &kept{entry: Entry{Version: entry.Version}, until: until}, otter.WriteOp
		}
		return &kept{entry: entry, err: err, mark: before, until: until}, otter.WriteOp
	})
}

// pass notes the version of an entry that isn't kept, so that no older one is used.
func (l *local) pass(id uuid.UUID, version int64) {
	l.keep(id, mark{}, Entry{Version: version}, nil)
}

// drop makes what was read of the product until now useless.
func (l *local) drop(id uuid.UUID) {
	if l != nil {
		l.count(id).Add(1)
	}
}

// sameConnection tells whether the subscription has neither come nor gone since the mark.
func (l *local) sameConnection(since mark) bool {
	return l == nil || l.generation.Load() == since.generation
}

// up begins to keep entries: invalidations from now on arrive.
func (l *local) up(now int64) {
	l.generation.Add(1)
	l.prove(now)
}

// prove says that all invalidations up to the given time have arrived.
func (l *local) prove(at int64) { l.proven.Store(at + int64(proofLife)) }

// down ends the use of all that is kept.
func (l *local) down() {
	l.proven.Store(0)
	l.generation.Add(1)
	l.entries.InvalidateAll()
}

// subscribed tells whether there is a subscription, as far as is known.
func (l *local) subscribed() bool { return l.generation.Load()%2 == 1 }

// isUp tells whether entries are kept and used now.
func (l *local) isUp() bool { return l != nil && l.elapsed() < l.proven.Load() }

// jitter gives a time give or take a tenth.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64()))
}
