package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// contracted are the statements that take something away which the previous
// release no longer uses, each with the release that stopped using it.
func contracted() map[string]string { return map[string]string{} }

func TestMigrationsOnlyExpand(t *testing.T) {
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) < 3 {
		t.Fatalf("found %d migrations: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, out := os.Stat(filepath.Join(previousRelease, file))
		for _, broken := range breaking(string(text), out == nil) {
			t.Errorf("%s: %s", filepath.Base(file), broken)
		}
	}
}

// breaking lists what a migration does that the release before may not survive,
// or that would stop its writes. It judges only the first if the migration is out
// already.
func breaking(migration string, out bool) (broken []string) {
	statements := upStatements(migration)
	made := regexp.MustCompile(`CREATE TABLE (?:IF NOT EXISTS )?(\S+)`)
	own := map[string]bool{}
	for _, statement := range statements {
		if table := made.FindStringSubmatch(statement); table != nil {
			own[table[1]] = true
		}
	}
	rules := []struct {
		pattern, why string
		harmless     func(statement string) bool
	}{
		{`\bDROP\b`, "it drops something", func(s string) bool { return builtAnew(s, statements) }},
		{`\bRENAME\b`, "it renames something", nil},
		{`^ALTER TABLE .*\bTYPE\b`, "it changes a type", nil},
		{`\bSET NOT NULL\b`, "it refuses NULLs that the release before may write", nil},
		{`\bADD (COLUMN )?.*\bNOT NULL\b`, "it adds a column that the release before doesn't fill",
			func(s string) bool { return strings.Contains(s, " DEFAULT ") || strings.Contains(s, " GENERATED ") }},
		{`\bADD (CONSTRAINT|CHECK|UNIQUE|PRIMARY KEY|FOREIGN KEY|EXCLUDE)\b`, "it refuses rows that the release before may write", nil},
		{`^CREATE UNIQUE INDEX`, "it refuses rows that the release before may write", nil},
		{`^(TRUNCATE|DELETE)\b`, "it takes rows away", nil},
		{`^(REVOKE|LOCK|CLUSTER|VACUUM FULL|REINDEX)\b`, "it keeps the release before out", nil},
		{`^CREATE INDEX`, "it stops writes while it builds an index: do so CONCURRENTLY, with NO TRANSACTION",
			func(s string) bool { return out || strings.HasPrefix(s, "CREATE INDEX CONCURRENTLY") }},
		{`^CREATE INDEX CONCURRENTLY`, "it can't be run again once it has been cut short: DROP INDEX CONCURRENTLY IF EXISTS first",
			func(s string) bool {
				return slices.Contains(statements, "DROP INDEX CONCURRENTLY IF EXISTS "+strings.Fields(s)[3])
			}},
	}
	for _, statement := range statements {
		if _, told := contracted()[statement]; told || onOwn(statement, own) {
			continue
		}
		for _, rule := range rules {
			if regexp.MustCompile(rule.pattern).MatchString(statement) && (rule.harmless == nil || !rule.harmless(statement)) {
				broken = append(broken, rule.why+": "+statement)
			}
		}
	}
	return broken
}

// onOwn tells whether a statement is about a table that its migration makes.
func onOwn(statement string, own map[string]bool) bool {
	on := regexp.MustCompile(`^(?:ALTER TABLE (?:ONLY |IF EXISTS )*|CREATE (?:UNIQUE )?INDEX \S+ ON )(\S+)`).FindStringSubmatch(statement)
	return on != nil && own[on[1]]
}

// builtAnew tells whether a statement drops an index that its migration makes.
func builtAnew(statement string, statements []string) bool {
	name, is := strings.CutPrefix(statement, "DROP INDEX CONCURRENTLY IF EXISTS ")
	return is && slices.ContainsFunc(statements, func(s string) bool {
		return strings.HasPrefix(s, "CREATE INDEX CONCURRENTLY "+name+" ON ")
	})
}

// upStatements are a migration's on the way up, each on one line, without comments
// and without the bodies of functions. The body of a DO is its statements.
func upStatements(migration string) (statements []string) {
	up, _, _ := strings.Cut(migration, "-- +goose Down")
	up = regexp.MustCompile(`--[^\n]*`).ReplaceAllString(up, "")
	up = regexp.MustCompile(`(?s)\bDO \$\$(.*?)\$\$`).ReplaceAllString(up, "$1")
	up = regexp.MustCompile(`(?s)\$\$.*?\$\$`).ReplaceAllString(up, "''")
	up = regexp.MustCompile(`'(?:[^']|'')*'`).ReplaceAllString(up, "''")
	for _, statement := range strings.Split(up, ";") {
		if statement = strings.Join(strings.Fields(statement), " "); statement != "" {
			statements = append(statements, statement)
		}
	}
	return statements
}

func TestBreakingMigrationsAreFound(t *testing.T) {
	const older = "ALTER TABLE products "
	tests := map[string]struct {
		up   string
		want int // how much is wrong with it
	}{
		"a column":                      {older + "ADD COLUMN weight bigint;", 0},
		"a column with a default":       {older + "ADD COLUMN weight bigint NOT NULL DEFAULT 0;", 0},
		"a column nobody fills":         {older + "ADD COLUMN weight bigint NOT NULL;", 1},
		"the same, on lines":            {"ALTER TABLE products\n\tADD weight bigint\n\tNOT NULL;", 1},
		"a column less":                 {older + "DROP COLUMN stock;", 1},
		"a table less":                  {"DROP TABLE IF EXISTS products;", 1},
		"an index less":                 {"DROP INDEX CONCURRENTLY IF EXISTS products_name_index;", 1},
		"another name":                  {older + "RENAME COLUMN stock TO pieces;", 1},
		"another type":                  {older + "ALTER COLUMN stock SET DATA TYPE int;", 1},
		"no more NULLs":                 {older + "ALTER stock SET NOT NULL;", 1},
		"a check":                       {older + "ADD CONSTRAINT few CHECK (stock < 10);", 1},
		"a check with no name":          {older + "ADD CHECK (stock < 10);", 1},
		"a key":                         {"CREATE UNIQUE INDEX one_name ON products (name);", 1},
		"rows less":                     {"DELETE FROM products WHERE stock = 0;", 1},
		"within a DO":                   {"DO $$ BEGIN DROP TABLE products; END $$;", 1},
		"in a comment":                  {"-- DROP TABLE products;\nSELECT 1;", 0},
		"in a text":                     {"SELECT 'DROP TABLE products; it''s RENAMEd';", 0},
		"in a function":                 {"CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM products; DROP TABLE x $$;", 0},
		"on the way down":               {"SELECT 1;\n-- +goose Down\nDROP TABLE products;", 0},
		"a table of its own":            {"CREATE TABLE mine (id int); CREATE UNIQUE INDEX k ON mine (id); ALTER TABLE mine ADD CHECK (id > 0);", 0},
		"an index that stops writes":    {"CREATE INDEX slow ON products (stock);", 1},
		"an index that can't be redone": {"CREATE INDEX CONCURRENTLY i ON products (stock);", 1},
		"an index":                      {"DROP INDEX CONCURRENTLY IF EXISTS i;\nCREATE INDEX CONCURRENTLY i ON products (stock);", 0},
		"another index dropped":         {"DROP INDEX CONCURRENTLY IF EXISTS j; DROP INDEX CONCURRENTLY IF EXISTS i; CREATE INDEX CONCURRENTLY i ON products (stock);", 1},
		"two at once":                   {older + "DROP COLUMN stock, ADD COLUMN pieces bigint NOT NULL;", 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if broken := breaking("-- +goose Up\n"+test.up, false); len(broken) != test.want {
				t.Errorf("found %d: %q, want %d", len(broken), broken, test.want)
			}
		})
	}
	want := []string{"SELECT ''", "SELECT 1"}
	if diff := cmp.Diff(want, upStatements("-- +goose Up\nSELECT\n  'a;b' ;;\n SELECT 1 -- x; y\n")); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
}
