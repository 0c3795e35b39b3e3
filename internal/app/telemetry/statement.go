package telemetry

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// statement is what all executions of one SQL statement have in common.
type statement struct {
	summary   string // its name in sqlc's files, or the operation
	operation string // SELECT, …
	start     []trace.SpanStartOption
}

// maxStatements bounds how many are remembered; others are read each time.
const maxStatements = 1000

func newStatement(sql string, server []attribute.KeyValue) *statement {
	name, rest := statementName(sql)
	s := &statement{operation: statementOperation(rest)}
	text := rest
	if s.summary = name; name == "" {
		s.summary, text = s.operation, withoutLiterals(rest)
	}
	attributes := append([]attribute.KeyValue{
		semconv.DBSystemNamePostgreSQL, semconv.DBOperationName(s.operation), semconv.DBQuerySummary(s.summary), semconv.DBQueryText(text),
	}, server...)
	s.start = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...)}
	return s
}

// statementName gives the name that sqlc writes before a statement, and the rest.
func statementName(sql string) (name, rest string) {
	const mark = "-- name: "
	sql = strings.TrimSpace(sql)
	if !strings.HasPrefix(sql, mark) {
		return "", sql
	}
	line, rest, _ := strings.Cut(sql[len(mark):], "\n")
	name, _, _ = strings.Cut(line, " ")
	return name, strings.TrimSpace(rest)
}

// statementOperation gives what a statement does: the verb that it begins with,
// or that comes after WITH.
func statementOperation(sql string) string {
	depth := 0
	with := false
	for sql != "" {
		switch c := sql[0]; {
		case strings.HasPrefix(sql, "--"):
			_, sql, _ = strings.Cut(sql, "\n")
			continue
		case strings.HasPrefix(sql, "/*"):
			_, sql, _ = strings.Cut(sql, "*/")
			continue
		case c == '\'' || c == '"':
			_, sql, _ = strings.Cut(sql[1:], string(c))
			continue
		case c == '(':
			depth++
		case c == ')':
			depth--
		case isIdentifier(c) || c == '$':
			end := 1
			for end < len(sql) && (isIdentifier(sql[end]) || sql[end] == '$' || sql[end] == '.') {
				end++
			}
			word := strings.ToUpper(sql[:end])
			sql = sql[end:]
			if depth > 0 {
				continue
			}
			switch word {
			case "WITH":
				with = true
			case "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE",
				"SET", "SHOW", "LISTEN", "UNLISTEN", "NOTIFY", "COPY", "LOCK", "TRUNCATE", "CREATE", "ALTER", "DROP", "ANALYZE", "VACUUM":
				return word
			default:
				if !with {
					return otherOperation
				}
			}
			continue
		}
		sql = sql[1:]
	}
	return otherOperation
}

const otherOperation = "_OTHER"

// withoutLiterals puts a ? in the place of text in quotes and of numbers: a
// statement that isn't one of sqlc's may have values in it.
func withoutLiterals(sql string) string {
	var plain strings.Builder
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case c == '\'':
			i++
			for i < len(sql) && (sql[i] != '\'' || i+1 < len(sql) && sql[i+1] == '\'') {
				if sql[i] == '\'' {
					i++ // one that is doubled
				}
				i++
			}
			i++
			plain.WriteByte('?')
		case '0' <= c && c <= '9':
			for i < len(sql) && (isIdentifier(sql[i]) || sql[i] == '.') {
				i++
			}
			plain.WriteByte('?')
		case isIdentifier(c) || c == '$':
			begin := i
			for i < len(sql) && (isIdentifier(sql[i]) || sql[i] == '$') {
				i++
			}
			plain.WriteString(sql[begin:i])
		default:
			plain.WriteByte(c)
			i++
		}
	}
	return plain.String()
}
