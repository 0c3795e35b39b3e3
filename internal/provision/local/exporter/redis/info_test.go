//go:build linux

package redis

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What Redis 7 answers, shortened.
const answer = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nos:Linux 6.1 x86_64\r\nuptime_in_seconds:100\r\n" +
	"# Clients\r\nconnected_clients:3\r\nmaxclients:10000\r\n# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\nmaxmemory:0\r\n" +
	"maxmemory_policy:allkeys-lru\r\nmem_fragmentation_ratio:1.25\r\n# Stats\r\nkeyspace_hits:90\r\nkeyspace_misses:10\r\nused_cpu_user:0.5\r\n" +
	"# Replication\r\nrole:master\r\n# Keyspace\r\ndb0:keys=7,expires=2,avg_ttl=1000\r\ndbx:keys=1\r\n" +
	"# Commandstats\r\ncmdstat_get:calls=21,usec=175000,usec_per_call=8.33\r\ncmdstat_set:broken\r\nconnected_clients:4\r\n"

func TestParse(t *testing.T) {
	got := map[string]float64{}
	for _, one := range parse(answer, time.Unix(1000, 0)) {
		got[one.name+strings.Join(append([]string{""}, one.values...), "|")] = one.value
	}
	want := map[string]float64{
		"redis_uptime_in_seconds": 100, "redis_start_time_seconds": 900, "redis_connected_clients": 3, "redis_max_clients": 10000,
		"redis_memory_used_bytes": 1048576, "redis_memory_max_bytes": 0, "redis_mem_fragmentation_ratio": 1.25,
		"redis_keyspace_hits_total": 90, "redis_keyspace_misses_total": 10, "redis_cpu_user_seconds_total": 0.5,
		"redis_db_keys|db0": 7, "redis_db_keys_expiring|db0": 2,
		"redis_commands_total|get": 21, "redis_commands_duration_seconds_total|get": 0.175,
		"redis_instance_info|allkeys-lru|Linux 6.1 x86_64|standalone|7.0.15|master": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(answer)
	f.Add("db0:keys=1,expires\ncmdstat_:calls=1,usec=1\n:\n")
	f.Fuzz(func(t *testing.T, text string) {
		seen := map[string]bool{}
		for _, one := range parse(text, time.Unix(0, 0)) {
			key := one.name + "\x00" + strings.Join(one.values, "\x00")
			if seen[key] {
				t.Errorf("%q is there twice", key)
			}
			seen[key] = true
			if len(one.labels) != len(one.values) {
				t.Errorf("%s has %d labels and %d values", one.name, len(one.labels), len(one.values))
			}
		}
	})
}
