package telemetry

import (
	"strings"
	"testing"
)

func TestStatements(t *testing.T) {
	for _, test := range []struct{ sql, summary, operation, text string }{
		{"select 1", "SELECT", "SELECT", "select ?"},
		{"-- name: GetProduct :one\nSELECT id FROM products WHERE status = 'a' AND id = $1", "GetProduct", "SELECT", "SELECT id FROM products WHERE status = 'a' AND id = $1"},
		{"  -- name: Sell :exec\n\nWITH taken AS (SELECT ')' FROM a), b (x) AS (DELETE FROM c)\nUPDATE products SET stock = 1", "Sell", "UPDATE", ""},
		{"with recursive t as (select 1) select * from t", "SELECT", "SELECT", "with recursive t as (select ?) select * from t"},
		{"-- a comment\n/* and another */ INSERT INTO a.b2 VALUES ('it''s', 1.5e3, $12)", "INSERT", "INSERT", "-- a comment\n/* and another */ INSERT INTO a.b2 VALUES (?, ?, $12)"},
		{"begin", "BEGIN", "BEGIN", "begin"},
		{"(SELECT 1)", "_OTHER", "_OTHER", "(SELECT ?)"},
		{"", "_OTHER", "_OTHER", ""},
		{"frobnicate 'x'", "_OTHER", "_OTHER", "frobnicate ?"},
		{"-- name: Odd :one\nfrobnicate", "Odd", "_OTHER", "frobnicate"},
		{`SET application_name TO 'unfinished`, "SET", "SET", "SET application_name TO ?"},
	} {
		s := newStatement(test.sql, nil)
		if s.summary != test.summary || s.operation != test.operation {
			t.Errorf("%q is %s, a %s; want %s, a %s", test.sql, s.summary, s.operation, test.summary, test.operation)
		}
		name, rest := statementName(test.sql)
		if name == "" {
			rest = withoutLiterals(rest)
		}
		if test.text != "" && rest != test.text {
			t.Errorf("%q is shown as %q, want %q", test.sql, rest, test.text)
		}
	}
}

func FuzzStatement(f *testing.F) {
	for _, seed := range []string{"-- name: a :one\nSELECT 'x'", "with a as (select \"", "/*", "--", "'", "'''", "1a.b", "$1", "(((", ")"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		newStatement(sql, nil)
		if shown := withoutLiterals(sql); strings.Contains(shown, "'") {
			t.Errorf("%q is shown as %q", sql, shown)
		}
	})
}
