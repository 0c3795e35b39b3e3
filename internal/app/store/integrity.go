package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store/query"
)

// Integrity is what a check of the database has found.
type Integrity struct {
	// Products is how many there are, samples and others.
	Products int64
	// Untouched samples are as they were seeded; Changed ones somebody has
	// written to since; Missing ones aren't there, as when another product has
	// their SKU.
	Untouched, Changed, Missing int
	// Sum is the SHA-256, in hex, of the untouched samples as they are stored.
	// It is the same for the same samples in every database.
	Sum string
	// Rules is how many checks, unique keys and references were looked at.
	Rules int
	// Broken lists all that is wrong; empty is sound.
	Broken []string
}

// Err is what is wrong as one error, or nil.
func (i Integrity) Err() error {
	if len(i.Broken) == 0 {
		return nil
	}
	return errors.New(strings.Join(i.Broken, "; "))
}

// CheckIntegrity reads the whole database, as it is at one moment, and tells
// whether it holds together: the samples that Seed has added with the same count
// and next, whose IDs must ascend; every check, unique key and reference of the
// schema, on the rows themselves; and what products are found by. Errors: a
// database that can't be read; what is wrong is in the report.
func CheckIntegrity(ctx context.Context, options Options, count int, next func(i int) catalog.Product) (report Integrity, err error) {
	config, err := options.config()
	if err != nil {
		return report, err
	}
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return report, fmt.Errorf("connect to the database: %w", err)
	}
	defer connection.Close(context.WithoutCancel(ctx))
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, connection, snapshot, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM products").Scan(&report.Products); err != nil {
			return fmt.Errorf("count products: %w", err)
		}
		if err := report.checkSamples(ctx, tx, count, next); err != nil {
			return err
		}
		// An index that is damaged must not answer for the table.
		if _, err := tx.Exec(ctx, "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off"); err != nil {
			return fmt.Errorf("leave indexes aside: %w", err)
		}
		if err := report.checkRules(ctx, tx); err != nil {
			return err
		}
		return report.checkIndexes(ctx, tx)
	})
	return report, err
}

func (i *Integrity) broken(format string, args ...any) {
	i.Broken = append(i.Broken, fmt.Sprintf(format, args...))
}

// checkSamples reads products along with the samples, both by ID.
func (i *Integrity) checkSamples(ctx context.Context, tx pgx.Tx, count int, next func(i int) catalog.Product) error {
	stored, wanted := sha256.New(), sha256.New()
	defer func() { i.Sum = hex.EncodeToString(stored.Sum(nil)) }()
	if count == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `SELECT id, sku, name, description, price_minor, currency, stock, version, created_at, updated_at
		FROM products WHERE id BETWEEN $1 AND $2 ORDER BY id`, next(0).ID, next(count-1).ID)
	if err != nil {
		return fmt.Errorf("read samples: %w", err)
	}
	defer rows.Close()
	place, sample := 0, next(0)
	for rows.Next() {
		row, err := pgx.RowToStructByPos[query.Product](rows)
		if err != nil {
			return fmt.Errorf("read a sample: %w", err)
		}
		order := bytes.Compare(sample.ID[:], row.ID[:])
		for ; order < 0 && place < count-1; order = bytes.Compare(sample.ID[:], row.ID[:]) {
			place++
			sample = next(place)
		}
		switch {
		case order != 0: // somebody's own
		case row.Version > 1:
			i.Changed++
		default:
			i.Untouched++
			is, should := line(fromRow(row)), line(sample)
			stored.Write(is)
			wanted.Write(should)
			if !bytes.Equal(is, should) {
				i.broken("sample %s isn't what was seeded, though nobody has changed it", sample.SKU)
			}
		}
		if order == 0 && place < count-1 {
			place++
			sample = next(place)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read samples: %w", err)
	}
	i.Missing = count - i.Untouched - i.Changed
	if !bytes.Equal(stored.Sum(nil), wanted.Sum(nil)) {
		i.broken("the samples' sum is %x, not %x", stored.Sum(nil), wanted.Sum(nil))
	}
	return nil
}

// line is a product as it goes into a sum.
func line(product catalog.Product) []byte {
	encoded, err := json.Marshal(product)
	if err != nil {
		return []byte(err.Error()) // no product has what JSON can't hold
	}
	return append(encoded, '\n')
}

// rules gives, of each rule of the schema, its name and a query that counts what
// breaks it. NULLs are equal to nothing and break no check, as SQL has it.
const rules = `
SELECT conname || ' of ' || conrelid::regclass,
       format('SELECT count(*) FROM %s WHERE (%s) IS FALSE', conrelid::regclass, pg_get_expr(conbin, conrelid))
FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0 AND connamespace = current_schema()::regnamespace
UNION ALL
SELECT conname || ' of ' || conrelid::regclass,
       format('SELECT count(*) FROM %s AS a WHERE %s AND NOT EXISTS (SELECT 1 FROM %s AS b WHERE %s)', conrelid::regclass,
              string_agg(format('a.%I IS NOT NULL', mine.attname), ' AND '), confrelid::regclass,
              string_agg(format('a.%I = b.%I', mine.attname, theirs.attname), ' AND '))
FROM pg_constraint, unnest(conkey, confkey) AS pair (mine, theirs)
JOIN pg_attribute AS mine ON mine.attnum = pair.mine
JOIN pg_attribute AS theirs ON theirs.attnum = pair.theirs
WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
  AND mine.attrelid = conrelid AND theirs.attrelid = confrelid
GROUP BY conname, conrelid, confrelid
UNION ALL
SELECT indexrelid::regclass || ' of ' || indrelid::regclass,
       format('SELECT count(*) FROM (SELECT 1 FROM %s WHERE %s AND %s GROUP BY %s HAVING count(*) > 1) AS twice', indrelid::regclass,
              coalesce(pg_get_expr(indpred, indrelid), 'true'),
              string_agg('(' || pg_get_indexdef(indexrelid, place, true) || ') IS NOT NULL', ' AND '),
              string_agg('(' || pg_get_indexdef(indexrelid, place, true) || ')', ', '))
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid, generate_series(1, indnkeyatts) AS place
WHERE indisunique AND relnamespace = current_schema()::regnamespace
GROUP BY indexrelid, indrelid, indpred
UNION ALL
SELECT 'what products are found by', 'SELECT count(*)
    FROM products LEFT JOIN product_documents AS d ON d.product_id = products.id,
         LATERAL product_document_of(name, description) AS made
    WHERE d.names IS DISTINCT FROM made.names OR d.document IS DISTINCT FROM made.document'`

func (i *Integrity) checkRules(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, rules)
	if err != nil {
		return fmt.Errorf("read the schema's rules: %w", err)
	}
	type rule struct{ Name, Count string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[rule])
	if err != nil {
		return fmt.Errorf("read the schema's rules: %w", err)
	}
	i.Rules = len(all)
	for _, rule := range all {
		var breaking int64
		if err := tx.QueryRow(ctx, rule.Count).Scan(&breaking); err != nil {
			return fmt.Errorf("check %s: %w", rule.Name, err)
		}
		if breaking > 0 {
			i.broken("%d rows break %s", breaking, rule.Name)
		}
	}
	return nil
}

// checkIndexes finds what a migration that was cut short has left behind, and
// constraints that hold for new rows alone.
func (i *Integrity) checkIndexes(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `
		SELECT 'index ' || indexrelid::regclass FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
		WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace
		UNION ALL
		SELECT 'constraint ' || conname FROM pg_constraint
		WHERE NOT convalidated AND connamespace = current_schema()::regnamespace`)
	if err != nil {
		return fmt.Errorf("look for what isn't valid: %w", err)
	}
	invalid, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for what isn't valid: %w", err)
	}
	for _, name := range invalid {
		i.broken("%s isn't valid", name)
	}
	return nil
}
