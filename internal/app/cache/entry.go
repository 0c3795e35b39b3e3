package cache

import (
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// A value in Redis is the version in 19 digits, then the body. One without a
// body is a fence: it stays after a write and keeps out what was loaded before.
const versionDigits = 19

func encode(entry Entry) []byte {
	return append(fmt.Appendf(make([]byte, 0, versionDigits+len(entry.Body)), "%0*d", versionDigits, entry.Version), entry.Body...)
}

func decode(value []byte) (version int64, body []byte, ok bool) {
	if len(value) < versionDigits {
		return 0, nil, false
	}
	digits, err := strconv.ParseUint(string(value[:versionDigits]), 10, 63)
	return int64(digits), value[versionDigits:], err == nil
}

// Versions are compared as text of one length: Lua's numbers hold 53 bits.
type scripts struct {
	keep  *redis.Script // sets a value unless a newer version is there
	fence *redis.Script // leaves a fence at the newer of the version there and its own, and tells every process
}

func newScripts() scripts {
	return scripts{
		keep: redis.NewScript(`
local there = redis.call('GETRANGE', KEYS[1], 0, 18)
if there > string.sub(ARGV[1], 1, 19) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`),
		fence: redis.NewScript(`
local there = redis.call('GETRANGE', KEYS[1], 0, 18)
local fence = ARGV[1]
if there > fence then fence = there end
redis.call('SET', KEYS[1], fence, 'PX', ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1`),
	}
}
