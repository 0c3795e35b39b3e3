package telemetry

import (
	"context"
	"fmt"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// How spans are sent. Those that come while maxQueued wait are lost, and counted:
// requests never wait for the collector.
const (
	maxQueued     = 4096
	maxBatch      = 512
	batchInterval = time.Second
	sweepInterval = 5 * time.Second
)

// loss says why spans were lost before they were sent.
type loss string

const (
	lostQueue loss = "queue_full" // the name is the semantic conventions'
	lostHeld  loss = "held_full"  // too many were held back
	lostEnd   loss = "shutdown"   // there was no time left
)

// batcher sends spans in batches, from a goroutine of its own.
type batcher struct {
	exporter sdktrace.SpanExporter
	numbers  *exportNumbers
	sweep    func(before time.Time) // of the keeper; nil is none

	mutex  sync.Mutex
	queued []sdktrace.ReadOnlySpan
	ended  bool

	wake    chan struct{}
	flushes chan chan struct{}
	stop    chan struct{}
	stopped chan struct{}
	// sending ends when shutdown has waited long enough.
	sending context.Context
	cut     context.CancelFunc
}

func newBatcher(exporter sdktrace.SpanExporter, numbers *exportNumbers) *batcher {
	b := &batcher{
		exporter: exporter, numbers: numbers,
		wake: make(chan struct{}, 1), flushes: make(chan chan struct{}),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	b.sending, b.cut = context.WithCancel(context.Background())
	return b
}

// add queues spans. It never waits.
func (b *batcher) add(spans ...sdktrace.ReadOnlySpan) {
	b.mutex.Lock()
	why, room := lostQueue, maxQueued-len(b.queued)
	if b.ended {
		why, room = lostEnd, 0
	}
	lost := max(0, len(spans)-room)
	b.queued = append(b.queued, spans[:len(spans)-lost]...)
	full := len(b.queued) >= maxBatch
	b.mutex.Unlock()
	if lost > 0 {
		b.lose(lost, why)
	}
	if full {
		select {
		case b.wake <- struct{}{}:
		default: // it is awake
		}
	}
}

func (b *batcher) lose(spans int, why loss) { b.numbers.lost[why].Add(float64(spans)) }

func (b *batcher) length() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return len(b.queued)
}

// run sends what is queued until shutdown.
func (b *batcher) run() {
	defer close(b.stopped)
	tick := time.NewTicker(batchInterval)
	defer tick.Stop()
	swept := time.Now()
	for {
		var flushed chan struct{}
		select {
		case <-b.wake:
		case now := <-tick.C:
			if b.sweep != nil && now.Sub(swept) >= sweepInterval {
				b.sweep(now.Add(-heldFor))
				swept = now
			}
		case flushed = <-b.flushes:
		case <-b.stop:
			b.sendAll()
			b.lose(len(b.next(maxQueued)), lostEnd)
			return
		}
		b.sendAll()
		if flushed != nil {
			close(flushed)
		}
	}
}

// sendAll sends what is queued now, and what comes meanwhile.
func (b *batcher) sendAll() {
	for b.sending.Err() == nil {
		batch := b.next(maxBatch)
		if len(batch) == 0 {
			return
		}
		b.numbers.sent(len(batch), b.exporter.ExportSpans(b.sending, batch))
	}
}

func (b *batcher) next(most int) []sdktrace.ReadOnlySpan {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	n := min(len(b.queued), most)
	if n == 0 {
		return nil
	}
	batch := b.queued[:n:n]
	b.queued = b.queued[n:]
	if len(b.queued) == 0 {
		b.queued = nil // what has been sent isn't held
	}
	return batch
}

// flush returns once what is queued has been sent, or given up.
func (b *batcher) flush(ctx context.Context) error {
	flushed := make(chan struct{})
	select {
	case b.flushes <- flushed:
	case <-b.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for spans to be sent: %w", context.Cause(ctx))
	}
	select {
	case <-flushed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for spans to be sent: %w", context.Cause(ctx))
	}
}

// shutdown sends what is queued until ctx ends; what is left then is lost.
func (b *batcher) shutdown(ctx context.Context) error {
	b.mutex.Lock()
	ended := b.ended
	b.ended = true
	b.mutex.Unlock()
	if !ended {
		close(b.stop)
	}
	defer context.AfterFunc(ctx, b.cut)()
	<-b.stopped // soon after ctx ends
	b.cut()
	err := b.exporter.Shutdown(ctx)
	if ctx.Err() != nil {
		return fmt.Errorf("send the last spans: %w", context.Cause(ctx))
	}
	return err
}
