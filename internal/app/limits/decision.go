package limits

import (
	"net/http"
	"strconv"
	"time"
)

// Decision says whether a request may be served, and what is left to its client.
type Decision struct {
	Allowed bool
	// Limit is the most requests at once, after a rest.
	Limit int
	// Remaining is how many there are left now.
	Remaining int
	// Reset is how long it takes until there are Limit again.
	Reset time.Duration
	// RetryAfter is how long a client that was refused should wait.
	RetryAfter time.Duration
	Source     Source

	budget *budget
}

// decide makes a decision of what is left.
func (b *budget) decide(allowed bool, remaining int, retry time.Duration, source Source) Decision {
	remaining = min(max(0, remaining), b.rate.Burst)
	return Decision{
		Allowed: allowed, Limit: b.rate.Burst, Remaining: remaining,
		Reset:      time.Duration(b.rate.Burst-remaining) * b.interval,
		RetryAfter: retry, Source: source, budget: b,
	}
}

// Names of the fields, as http.Header has them. The first three are those of
// draft-ietf-httpapi-ratelimit-headers up to 06, which many clients read; then
// those of 07 to 11; and that of RFC 9110.
const (
	limitField     = "Ratelimit-Limit"
	remainingField = "Ratelimit-Remaining"
	resetField     = "Ratelimit-Reset"
	policyField    = "Ratelimit-Policy"
	itemField      = "Ratelimit"
	retryField     = "Retry-After"
)

// Header sets the fields that tell a client of its limit: RateLimit-Policy and RateLimit
// and, if it was refused, Retry-After and what older clients look for: RateLimit-Limit,
// RateLimit-Remaining and RateLimit-Reset. In every answer those three, which say the
// same, would cost a cached read a tenth of its time. The values must not be changed in
// place. The zero decision sets nothing.
func (d Decision) Header(header http.Header) {
	if d.budget == nil {
		return
	}
	values := make([]string, 4)
	d.values((*[4]string)(values))
	header[policyField] = d.budget.policyHeader
	header[itemField] = values[2:3:3]
	if d.Allowed {
		return
	}
	header[limitField] = d.budget.limitHeader
	header[remainingField] = values[0:1:1]
	header[resetField] = values[1:2:2]
	header[retryField] = values[3:4:4]
}

// Metadata gives the same fields as pairs of lower-case name and value, as gRPC
// takes them.
func (d Decision) Metadata() []string {
	if d.budget == nil {
		return nil
	}
	var values [4]string
	d.values(&values)
	pairs := []string{"ratelimit-policy", d.budget.policyHeader[0], "ratelimit", values[2]}
	if d.Allowed {
		return pairs
	}
	return append(pairs, "ratelimit-limit", d.budget.limitHeader[0], "ratelimit-remaining", values[0], "ratelimit-reset", values[1],
		"retry-after", values[3])
}

// values are those of remaining, reset, the item and retry-after.
func (d Decision) values(values *[4]string) {
	values[0] = strconv.Itoa(d.Remaining)
	reset := 0
	if d.Reset > 0 {
		reset = seconds(d.Reset)
	}
	values[1] = strconv.Itoa(reset)
	if d.Allowed {
		values[2] = d.budget.itemBefore + values[0] + d.budget.itemAfter
		return
	}
	values[3] = strconv.Itoa(seconds(d.RetryAfter))
	values[2] = d.budget.itemBefore + values[0] + ";t=" + values[3]
}
