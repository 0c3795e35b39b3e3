//go:build linux

package runtime

import (
	"errors"
	"io"
	"sync"
)

// broadcast sends output to those attached. One that does not keep up is let go,
// since the container must not wait for it.
type broadcast struct {
	mu          sync.Mutex
	subscribers map[*subscriber]struct{}
	closed      bool
}

type subscriber struct{ chunks chan []byte }

const subscriberBacklog = 1024 // chunks of up to 32 KiB

func (b *broadcast) subscribe() *subscriber {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &subscriber{chunks: make(chan []byte, subscriberBacklog)}
	if b.closed {
		close(s.chunks)
		return s
	}
	if b.subscribers == nil {
		b.subscribers = map[*subscriber]struct{}{}
	}
	b.subscribers[s] = struct{}{}
	return s
}

func (b *broadcast) unsubscribe(s *subscriber) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(s)
}

func (b *broadcast) drop(s *subscriber) {
	if _, there := b.subscribers[s]; there {
		delete(b.subscribers, s)
		close(s.chunks)
	}
}

func (b *broadcast) send(chunk []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subscribers {
		select {
		case s.chunks <- append([]byte(nil), chunk...):
		default:
			b.drop(s)
		}
	}
}

func (b *broadcast) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for s := range b.subscribers {
		b.drop(s)
	}
}

// copyTo writes what comes until the end, or until the writer fails.
func (s *subscriber) copyTo(writer io.Writer) error {
	for chunk := range s.chunks {
		if _, err := writer.Write(chunk); err != nil {
			return errors.Join(errDetached, err)
		}
	}
	return nil
}

var errDetached = errors.New("the client has gone")
