package issuer

import (
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"
)

// grant is who is to have tokens, and what for.
type grant struct {
	subject, full, client, role string
	redirect, challenge, nonce  string
	scopes                      []string
	at                          time.Time // when the person logged in
}

// proved tells whether verifier is what the code was asked for with (RFC 7636, 4.6).
func (g grant) proved(verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return len(verifier) >= 43 && same(base64.RawURLEncoding.EncodeToString(sum[:]), g.challenge)
}

const (
	codeLife = time.Minute
	maxCodes = 1000
)

// codes are the grants that wait for their client to fetch them.
type codes struct {
	now func() time.Time

	mutex  sync.Mutex
	grants map[string]grant
}

// issue keeps a grant for a minute, and gives the code for it.
func (c *codes) issue(g grant) string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	g.at = c.now()
	for code, old := range c.grants {
		if g.at.Sub(old.at) > codeLife || len(c.grants) >= maxCodes {
			delete(c.grants, code)
		}
	}
	code := random()
	c.grants[code] = g
	return code
}

// redeem gives what a code stands for, once.
func (c *codes) redeem(code string) (grant, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	g, known := c.grants[code]
	delete(c.grants, code)
	return g, known && c.now().Sub(g.at) <= codeLife
}
