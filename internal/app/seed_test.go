package app_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/app"
)

// smallSum is the sum of the small seed, in every database and release.
const smallSum = "89199831bb4cc395d6f9d3b47ef6fc82bbb79df0d2c4018b9b54cc91cc5c69b5"

func TestSeedChecksTheDatabase(t *testing.T) {
	o := options(t)
	o.SeedCount = app.SmallSeed
	out := &log{}
	o.LogOutput = out
	migrate(t, o)
	if err := app.Seed(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"the database holds together"`, `"samples_untouched":200,"samples_changed":0,"samples_missing":0,"sum":"` + smallSum + `"`,
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the log lacks %s:\n%s", part, out)
		}
	}

	connection, err := pgx.Connect(t.Context(), o.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context())
	if _, err := connection.Exec(t.Context(), "UPDATE products SET name = 'Spoilt' WHERE sku = 'SAMPLE-000001'"); err != nil {
		t.Fatal(err)
	}
	err = app.Seed(t.Context(), o)
	if want := "check the seeded database: sample SAMPLE-000001 isn't what was seeded"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("seed a database that is broken: %v, want %s", err, want)
	}
	if !strings.Contains(out.String(), `"the database doesn't hold together"`) {
		t.Errorf("the log doesn't say so:\n%s", out)
	}
}
