package limits

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// grant is a lease as Redis gives it.
type grant struct {
	budget   *budget
	requests int           // as many as were asked for, or what there was
	rest     int           // how many are left
	retry    time.Duration // until there is one, if there was none
}

// newLeaseScript keeps, for each client, the time at which it has its whole
// burst again, in microseconds by Redis's own clock: the generic cell rate
// algorithm, as redis_rate's AllowAtMost has it, but in whole requests. That one,
// when it grants less than asked, also charges a fraction that it doesn't grant:
// a client at its limit gets 2 to 6 in a hundred less than its rate.
func newLeaseScript() *redis.Script {
	return redis.NewScript(`
local interval, depth, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full = tonumber(redis.call('GET', KEYS[1]) or now)
if full < now then full = now end
local room = math.max(0, math.floor((now + depth - full) / interval + 0.001))
local granted = math.min(wanted, room)
local retry = 0
if granted > 0 then
  full = full + granted * interval
  redis.call('SET', KEYS[1], string.format('%.2f', full), 'PX', math.ceil((full - now) / 1000))
else
  retry = full + interval - depth - now
end
return {granted, room - granted, math.ceil(retry)}`)
}

// lease asks for up to n requests.
func (l *Limiter) lease(ctx context.Context, key string, b *budget, n int) (grant, error) {
	answer, err := l.script.Run(ctx, l.options.Client, []string{key},
		microseconds(b.interval), microseconds(b.depth), n).Int64Slice()
	if err != nil {
		return grant{}, fmt.Errorf("take a lease: %w", err)
	}
	if len(answer) != 3 {
		return grant{}, fmt.Errorf("take a lease: Redis answers with %d values, not 3", len(answer))
	}
	return grant{
		budget: b, requests: int(answer[0]), rest: int(answer[1]),
		retry: max(time.Millisecond, time.Duration(answer[2])*time.Microsecond),
	}, nil
}

func microseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Microsecond), 'f', 3, 64)
}
