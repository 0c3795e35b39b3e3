package telemetry

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Bounds of what is held back until it is known how a trace ends.
const (
	maxHeldSpans = 64   // of one trace
	maxHeld      = 4096 // of all
	heldFor      = time.Minute
	keepShards   = 16
)

// keeper passes sampled spans on. Of the others it holds back those below a
// local root, which is the service's own first span of a trace, until that ends.
// It then passes them on with it if one of them has an error, and forgets them
// if none has. Spans without a root, as of work that goes on after the answer,
// are held for heldFor.
type keeper struct {
	next   *batcher
	kept   func()
	now    func() time.Time
	held   atomic.Int64 // spans
	shards [keepShards]keepShard
}

type keepShard struct {
	mutex  sync.Mutex
	traces map[trace.TraceID]*heldTrace
}

type heldTrace struct {
	spans  []sdktrace.ReadOnlySpan // in the order that they ended in
	failed bool
	since  time.Time
}

func newKeeper(next *batcher, kept func(), now func() time.Time) *keeper {
	if kept == nil {
		kept = func() {}
	}
	k := &keeper{next: next, kept: kept, now: now}
	for i := range k.shards {
		k.shards[i].traces = map[trace.TraceID]*heldTrace{}
	}
	return k
}

func (k *keeper) shard(id trace.TraceID) *keepShard { return &k.shards[id[15]%keepShards] }

// OnStart implements sdktrace.SpanProcessor.
func (k *keeper) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements sdktrace.SpanProcessor.
func (k *keeper) OnEnd(span sdktrace.ReadOnlySpan) {
	if span.SpanContext().IsSampled() {
		k.next.add(span)
		return
	}
	failed := span.Status().Code == codes.Error
	if parent := span.Parent(); parent.IsValid() && !parent.IsRemote() {
		k.hold(span, failed)
		return
	}
	var below []sdktrace.ReadOnlySpan
	if span.ChildSpanCount() > 0 {
		var failure bool
		below, failure = k.take(span.SpanContext())
		failed = failed || failure
	}
	if failed {
		k.kept()
		k.next.add(append(below, span)...)
	}
}

func (k *keeper) hold(span sdktrace.ReadOnlySpan, failed bool) {
	if k.held.Load() >= maxHeld {
		k.next.lose(1, lostHeld)
		return
	}
	id := span.SpanContext().TraceID()
	shard := k.shard(id)
	shard.mutex.Lock()
	defer shard.mutex.Unlock()
	held := shard.traces[id]
	if held == nil {
		held = &heldTrace{since: k.now()}
		shard.traces[id] = held
	}
	held.failed = held.failed || failed
	if len(held.spans) == maxHeldSpans {
		k.next.lose(1, lostHeld)
		return
	}
	held.spans = append(held.spans, span)
	k.held.Add(1)
}

// take gives the spans below root, and whether one failed. Others may be there
// too: callers can ask for several things in one trace.
func (k *keeper) take(root trace.SpanContext) (below []sdktrace.ReadOnlySpan, failed bool) {
	shard := k.shard(root.TraceID())
	shard.mutex.Lock()
	defer shard.mutex.Unlock()
	held := shard.traces[root.TraceID()]
	if held == nil {
		return nil, false
	}
	mine := map[trace.SpanID]bool{root.SpanID(): true}
	var others []sdktrace.ReadOnlySpan
	for _, span := range slices.Backward(held.spans) { // parents end after their children
		if mine[span.Parent().SpanID()] {
			mine[span.SpanContext().SpanID()] = true
			below = append(below, span)
		} else {
			others = append(others, span)
		}
	}
	k.held.Add(-int64(len(below)))
	slices.Reverse(below)
	slices.Reverse(others)
	held.spans, held.failed = others, slices.ContainsFunc(others, isFailed)
	if len(others) == 0 {
		delete(shard.traces, root.TraceID())
	}
	return below, slices.ContainsFunc(below, isFailed)
}

// failing tells whether the trace has a span that failed, and so will be kept.
func (k *keeper) failing(id trace.TraceID) bool {
	shard := k.shard(id)
	shard.mutex.Lock()
	defer shard.mutex.Unlock()
	held := shard.traces[id]
	return held != nil && held.failed
}

// sweep forgets spans whose root doesn't come; those of a trace with an error are
// passed on.
func (k *keeper) sweep(before time.Time) {
	for i := range k.shards {
		shard := &k.shards[i]
		shard.mutex.Lock()
		for id, held := range shard.traces {
			if held.since.After(before) {
				continue
			}
			delete(shard.traces, id)
			k.held.Add(-int64(len(held.spans)))
			if held.failed {
				k.kept()
				k.next.add(held.spans...)
			}
		}
		shard.mutex.Unlock()
	}
}

// Shutdown implements sdktrace.SpanProcessor.
func (k *keeper) Shutdown(ctx context.Context) error {
	k.sweep(k.now())
	return k.next.shutdown(ctx)
}

// ForceFlush implements sdktrace.SpanProcessor.
func (k *keeper) ForceFlush(ctx context.Context) error { return k.next.flush(ctx) }

func isFailed(span sdktrace.ReadOnlySpan) bool { return span.Status().Code == codes.Error }
