//go:build linux

package redis

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// sample is a metric's value.
type sample struct {
	name, help     string
	kind           prometheus.ValueType
	labels, values []string
	value          float64
}

// known is a line of INFO that is a number, and the metric that it is.
type known struct {
	name, help string
	kind       prometheus.ValueType
}

// knownLines gives the lines of INFO that are metrics, by their keys.
func knownLines() map[string]known {
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	return map[string]known{
		"uptime_in_seconds":           {"redis_uptime_in_seconds", "How long Redis has run.", gauge},
		"connected_clients":           {"redis_connected_clients", "Connections of clients.", gauge},
		"blocked_clients":             {"redis_blocked_clients", "Clients that wait in a blocking command.", gauge},
		"maxclients":                  {"redis_max_clients", "Most connections of clients.", gauge},
		"used_memory":                 {"redis_memory_used_bytes", "Memory that data and connections take.", gauge},
		"used_memory_rss":             {"redis_memory_used_rss_bytes", "Memory that the process holds.", gauge},
		"used_memory_peak":            {"redis_memory_used_peak_bytes", "Most memory that was used.", gauge},
		"maxmemory":                   {"redis_memory_max_bytes", "Memory at which keys are evicted; 0 is no limit.", gauge},
		"mem_fragmentation_ratio":     {"redis_mem_fragmentation_ratio", "Memory held, by memory used.", gauge},
		"loading":                     {"redis_loading_dump_file", "Whether data is being loaded.", gauge},
		"rdb_changes_since_last_save": {"redis_rdb_changes_since_last_save", "Changes that no snapshot has.", gauge},
		"rdb_last_save_time":          {"redis_rdb_last_save_timestamp_seconds", "When the last snapshot was written.", gauge},
		"aof_enabled":                 {"redis_aof_enabled", "Whether changes are appended to a file.", gauge},
		"total_connections_received":  {"redis_connections_received_total", "Connections that were accepted.", counter},
		"total_commands_processed":    {"redis_commands_processed_total", "Commands that were answered.", counter},
		"rejected_connections":        {"redis_rejected_connections_total", "Connections beyond the limit.", counter},
		"expired_keys":                {"redis_expired_keys_total", "Keys whose time was over.", counter},
		"evicted_keys":                {"redis_evicted_keys_total", "Keys that made room for others.", counter},
		"keyspace_hits":               {"redis_keyspace_hits_total", "Lookups that found their key.", counter},
		"keyspace_misses":             {"redis_keyspace_misses_total", "Lookups that didn't.", counter},
		"total_net_input_bytes":       {"redis_net_input_bytes_total", "Bytes read from clients.", counter},
		"total_net_output_bytes":      {"redis_net_output_bytes_total", "Bytes written to clients.", counter},
		"used_cpu_sys":                {"redis_cpu_sys_seconds_total", "CPU of the process in the kernel.", counter},
		"used_cpu_user":               {"redis_cpu_user_seconds_total", "CPU of the process itself.", counter},
		"connected_slaves":            {"redis_connected_slaves", "Replicas that are connected.", gauge},
	}
}

// instance are the lines that become labels of redis_instance_info.
func instance() []string {
	return []string{"maxmemory_policy", "os", "redis_mode", "redis_version", "role"}
}

// parse gives what an answer to INFO has of metrics. What it doesn't know, or can't
// read, it leaves out. now tells when Redis started.
func parse(text string, now time.Time) []sample {
	var samples []sample
	lines, about := knownLines(), make([]string, len(instance()))
	for line := range strings.Lines(strings.ToValidUTF8(text, "")) {
		key, value, has := strings.Cut(strings.TrimSpace(line), ":")
		if !has || strings.HasPrefix(key, "#") {
			continue
		}
		if i := slices.Index(instance(), key); i >= 0 {
			about[i] = value
			continue
		}
		if command, is := strings.CutPrefix(key, "cmdstat_"); is {
			samples = append(samples, ofCommand(command, value)...)
			continue
		}
		if number, is := strings.CutPrefix(key, "db"); is && digits(number) {
			samples = append(samples, ofDatabase(key, value)...)
			continue
		}
		metric, is := lines[key]
		amount, err := strconv.ParseFloat(value, 64)
		if !is || err != nil {
			continue
		}
		samples = append(samples, sample{name: metric.name, help: metric.help, kind: metric.kind, value: amount})
		if key == "uptime_in_seconds" {
			samples = append(samples, sample{
				name: "redis_start_time_seconds", help: "When Redis started.", kind: prometheus.GaugeValue, value: float64(now.Unix()) - amount,
			})
		}
	}
	if slices.ContainsFunc(about, func(value string) bool { return value != "" }) {
		samples = append(samples, sample{
			name: "redis_instance_info", help: "What runs.", kind: prometheus.GaugeValue, labels: instance(), values: about, value: 1,
		})
	}
	return unique(samples)
}

// unique keeps the first of each series: a registry refuses a second.
func unique(samples []sample) []sample {
	seen := map[string]bool{}
	return slices.DeleteFunc(samples, func(one sample) bool {
		key := one.name + "\x00" + strings.Join(one.values, "\x00")
		again := seen[key]
		seen[key] = true
		return again
	})
}

// ofCommand reads calls=21,usec=175,usec_per_call=8.33.
func ofCommand(command, text string) []sample {
	fields := fieldsOf(text)
	calls, hasCalls := fields["calls"]
	taken, hasTaken := fields["usec"]
	if !hasCalls || !hasTaken {
		return nil
	}
	labels, values := []string{"cmd"}, []string{command}
	return []sample{
		{name: "redis_commands_total", help: "Calls of each command.", kind: prometheus.CounterValue, labels: labels, values: values, value: calls},
		{name: "redis_commands_duration_seconds_total", help: "Time that each command took.", kind: prometheus.CounterValue, labels: labels, values: values, value: taken / 1e6},
	}
}

// ofDatabase reads keys=3,expires=1,avg_ttl=0.
func ofDatabase(database, text string) []sample {
	fields := fieldsOf(text)
	keys, has := fields["keys"]
	if !has {
		return nil
	}
	labels, values := []string{"db"}, []string{database}
	return []sample{
		{name: "redis_db_keys", help: "Keys of each database.", kind: prometheus.GaugeValue, labels: labels, values: values, value: keys},
		{name: "redis_db_keys_expiring", help: "Keys with a time to live.", kind: prometheus.GaugeValue, labels: labels, values: values, value: fields["expires"]},
	}
}

// fieldsOf reads numbers as a=1,b=2.
func fieldsOf(text string) map[string]float64 {
	fields := map[string]float64{}
	for _, field := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(field, "=")
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			fields[name] = number
		}
	}
	return fields
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
