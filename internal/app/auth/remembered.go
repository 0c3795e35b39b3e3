package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

type hash = [sha256.Size]byte

// hashOf copies most tokens no further than the stack.
func hashOf(token string) hash {
	var room [2048]byte
	return sha256.Sum256(append(room[:0], token...))
}

// remembered holds tokens that were verified, by hash, so that the next
// request with the same one costs no signature. It holds at most size of them:
// when the young half is full it becomes the old half, and what was old and
// not asked for since is forgotten.
type remembered struct {
	half  int // of the size; 0 remembers nothing
	mutex sync.RWMutex
	young map[hash]*verified
	old   map[hash]*verified
}

// verified is what a token was found to say.
type verified struct {
	principal Principal
	key       *key
}

// good tells whether it may still be relied on.
func (v *verified) good(now time.Time) bool {
	return now.Before(v.principal.Expires) && !v.key.withdrawn.Load()
}

func newRemembered(size int) *remembered {
	if size < 1 {
		return &remembered{}
	}
	return &remembered{half: max(1, size/2), young: make(map[hash]*verified)}
}

// get gives nil if the token isn't remembered.
func (r *remembered) get(token hash) *verified {
	r.mutex.RLock()
	found, isOld := r.young[token], false
	if found == nil {
		found = r.old[token]
		isOld = found != nil
	}
	r.mutex.RUnlock()
	if isOld {
		r.put(token, found)
	}
	return found
}

func (r *remembered) put(token hash, found *verified) {
	if r.half == 0 {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.young[token] == nil && len(r.young) >= r.half {
		r.young, r.old = make(map[hash]*verified, r.half), r.young
	}
	r.young[token] = found
}
