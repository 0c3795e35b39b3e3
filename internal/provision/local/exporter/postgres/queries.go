//go:build linux

package postgres

import "github.com/prometheus/client_golang/prometheus"

// query gives rows of labels, then of values in double precision.
type query struct {
	// name is the collector's, in pg_scrape_collector_success.
	name, sql string
	labels    []string
	values    []value
	// server says that its series also carry the label server, as postgres_exporter's do.
	server bool
}

// value is a column that is a metric.
type value struct {
	name, help string
	kind       prometheus.ValueType
}

// queries work in every Postgres since 12, as any role; of other roles' queries only
// one with pg_monitor sees all.
func queries() []query {
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	return []query{
		{
			name: "settings", server: true,
			sql: `SELECT current_setting('max_connections')::float8, current_setting('superuser_reserved_connections')::float8`,
			values: []value{
				{"pg_settings_max_connections", "Most connections at once.", gauge},
				{"pg_settings_superuser_reserved_connections", "Of them, those kept for superusers.", gauge},
			},
		},
		{
			name: "static", server: true, labels: []string{"short_version"},
			sql:    `SELECT split_part(current_setting('server_version'), ' ', 1), 1::float8`,
			values: []value{{"pg_static", "What runs.", gauge}},
		},
		{
			name:   "postmaster",
			sql:    `SELECT extract(epoch FROM pg_postmaster_start_time())::float8`,
			values: []value{{"pg_postmaster_start_time_seconds", "When Postgres started.", gauge}},
		},
		{
			// Every state has a row, so that a sum has a value at once.
			name: "stat_activity", server: true, labels: []string{"datname", "state"},
			sql: `SELECT d.datname::text, s.state, count(a.pid)::float8, coalesce(max(extract(epoch FROM now() - a.xact_start)), 0)::float8
FROM pg_database AS d
CROSS JOIN unnest(ARRAY['active', 'idle', 'idle in transaction', 'idle in transaction (aborted)', 'fastpath function call', 'disabled']) AS s (state)
LEFT JOIN pg_stat_activity AS a ON a.datid = d.oid AND a.state = s.state
WHERE d.datallowconn
GROUP BY 1, 2`,
			values: []value{
				{"pg_stat_activity_count", "Connections by their state.", gauge},
				{"pg_stat_activity_max_tx_duration", "How long the oldest transaction has run, in seconds.", gauge},
			},
		},
		{
			name: "stat_database", labels: []string{"datid", "datname"},
			sql: `SELECT datid::text, datname::text, numbackends::float8, xact_commit::float8, xact_rollback::float8, blks_read::float8, blks_hit::float8,
  tup_returned::float8, tup_fetched::float8, tup_inserted::float8, tup_updated::float8, tup_deleted::float8,
  conflicts::float8, temp_files::float8, temp_bytes::float8, deadlocks::float8
FROM pg_stat_database WHERE datname IS NOT NULL`,
			values: []value{
				{"pg_stat_database_numbackends", "Connections to the database.", gauge},
				{"pg_stat_database_xact_commit", "Transactions that were committed.", counter},
				{"pg_stat_database_xact_rollback", "Transactions that were rolled back.", counter},
				{"pg_stat_database_blks_read", "Blocks that were read from disk.", counter},
				{"pg_stat_database_blks_hit", "Blocks that were found in shared buffers.", counter},
				{"pg_stat_database_tup_returned", "Rows that scans went over.", counter},
				{"pg_stat_database_tup_fetched", "Rows that queries fetched.", counter},
				{"pg_stat_database_tup_inserted", "Rows that were inserted.", counter},
				{"pg_stat_database_tup_updated", "Rows that were updated.", counter},
				{"pg_stat_database_tup_deleted", "Rows that were deleted.", counter},
				{"pg_stat_database_conflicts", "Queries that recovery cancelled.", counter},
				{"pg_stat_database_temp_files", "Files of queries that memory had no room for.", counter},
				{"pg_stat_database_temp_bytes", "Bytes of such files.", counter},
				{"pg_stat_database_deadlocks", "Deadlocks.", counter},
			},
		},
		{
			name: "database", labels: []string{"datname"},
			sql:    `SELECT datname::text, pg_database_size(oid)::float8 FROM pg_database WHERE datallowconn`,
			values: []value{{"pg_database_size_bytes", "Room that the database takes on disk.", gauge}},
		},
		{
			name: "locks", labels: []string{"datname", "mode"},
			sql: `SELECT d.datname::text, lower(l.mode), count(*)::float8 FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database GROUP BY 1, 2`,
			values: []value{
				{"pg_locks_count", "Locks that are held or waited for.", gauge},
			},
		},
		{
			name: "stat_user_tables", labels: []string{"datname", "schemaname", "relname"},
			sql: `SELECT current_database()::text, schemaname::text, relname::text, n_live_tup::float8, n_dead_tup::float8,
  seq_scan::float8, idx_scan::float8, extract(epoch FROM greatest(last_vacuum, last_autovacuum))::float8
FROM pg_stat_user_tables`,
			values: []value{
				{"pg_stat_user_tables_n_live_tup", "Rows, as estimated.", gauge},
				{"pg_stat_user_tables_n_dead_tup", "Rows that vacuum has yet to clear, as estimated.", gauge},
				{"pg_stat_user_tables_seq_scan", "Scans of the whole table.", counter},
				{"pg_stat_user_tables_idx_scan", "Scans of an index.", counter},
				{"pg_stat_user_tables_last_vacuum", "When it was last vacuumed, by hand or by itself.", gauge},
			},
		},
	}
}
