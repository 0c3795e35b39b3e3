package telemetry

import (
	"maps"
	"sync"
	"sync/atomic"
)

// lookup remembers what belongs to keys, of which there are few. Readers take no
// lock. The zero value is ready.
type lookup[K comparable, V any] struct {
	known atomic.Pointer[map[K]V]
	mutex sync.Mutex // of writers
}

// find gives what belongs to the key, if it is known.
func (l *lookup[K, V]) find(key K) (value V, has bool) {
	if known := l.known.Load(); known != nil {
		value, has = (*known)[key]
	}
	return value, has
}

// get gives what belongs to the key, and makes it the first time.
func (l *lookup[K, V]) get(key K, create func() V) V {
	if value, has := l.find(key); has {
		return value
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	known := map[K]V{}
	if before := l.known.Load(); before != nil {
		if value, has := (*before)[key]; has {
			return value
		}
		maps.Copy(known, *before)
	}
	known[key] = create()
	l.known.Store(&known)
	return known[key]
}

// size is how many keys there are.
func (l *lookup[K, V]) size() int {
	if known := l.known.Load(); known != nil {
		return len(*known)
	}
	return 0
}
