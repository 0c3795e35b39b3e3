package catalog

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a draft. Text is counted in characters.
const (
	MaxSKU         = 64
	MaxName        = 200
	MaxDescription = 4000
	MaxPriceMinor  = 1_000_000_000_000
	MaxStock       = 1_000_000_000
	MaxQuery       = 200
)

// Violation is one broken rule.
type Violation struct {
	Field  string // by its name in the API, for example "price_minor"
	Detail string // "must be …"
}

// Invalid is input that breaks rules; it lists every one.
type Invalid []Violation

func (v Invalid) Error() string {
	parts := make([]string, len(v))
	for i, violation := range v {
		parts[i] = violation.Field + " " + violation.Detail
	}
	return strings.Join(parts, "; ")
}

// Validate returns an Invalid that lists every rule the draft breaks, or nil.
func (d Draft) Validate() error {
	var broken Invalid
	broken.check(validSKU(d.SKU), "sku",
		"must be 1 to %d letters, digits, dots, dashes or underscores, and begin with a letter or digit", MaxSKU)
	broken.check(validLine(d.Name, MaxName), "name",
		"must be 1 to %d printable characters with no space around them", MaxName)
	broken.check(validText(d.Description, MaxDescription), "description",
		"must be at most %d characters, with no control characters but tab and newline", MaxDescription)
	broken.check(d.PriceMinor >= 0 && d.PriceMinor <= MaxPriceMinor, "price_minor",
		"must be from 0 to %d", int64(MaxPriceMinor))
	broken.check(validCurrency(d.Currency), "currency",
		"must be three capital letters, as in ISO 4217")
	broken.check(d.Stock >= 0 && d.Stock <= MaxStock, "stock",
		"must be from 0 to %d", MaxStock)
	return broken.err()
}

func validSKU(sku string) bool {
	for i, r := range sku {
		letterOrDigit := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letterOrDigit && (i == 0 || !strings.ContainsRune("._-", r)) {
			return false
		}
	}
	return sku != "" && len(sku) <= MaxSKU
}

func validLine(text string, limit int) bool {
	printable := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
	return text != "" && printable && text == strings.TrimSpace(text) && fits(text, limit)
}

// validText refuses what Postgres can't store (NUL) along with what nobody means to write.
func validText(text string, limit int) bool {
	unwanted := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }
	return strings.IndexFunc(text, unwanted) < 0 && fits(text, limit)
}

func fits(text string, limit int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= limit
}

func validCurrency(code string) bool {
	return len(code) == 3 && strings.IndexFunc(code, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
}
