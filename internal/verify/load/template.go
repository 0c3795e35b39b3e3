package load

import (
	"regexp"
	"slices"
)

// blanks are what a template may hold, by name.
type blanks struct {
	target, made, number, run string
	drawn                     []int // of each feed, the place of its value
}

var blank = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)

// template is a text cut at its blanks, so that filling it is cheap.
type template struct {
	pieces []piece
	made   bool // it needs {made}
}

type piece struct {
	literal string
	value   func(*blanks) string // nil for a literal
}

// parseTemplate cuts a text. What no feed and no blank has the name of stays as it is.
func parseTemplate(text string, where place, feeds []*feed) template {
	var parsed template
	end := 0
	for _, at := range blank.FindAllStringSubmatchIndex(text, -1) {
		name := text[at[2]:at[3]]
		if where == inPath && slices.Contains([]byte(text[:at[0]]), '?') {
			where = inQuery
		}
		value := filler(name, where, feeds)
		if value == nil {
			continue
		}
		parsed.pieces = append(parsed.pieces, piece{literal: text[end:at[0]]}, piece{value: value})
		parsed.made = parsed.made || name == "made"
		end = at[1]
	}
	parsed.pieces = append(parsed.pieces, piece{literal: text[end:]})
	return parsed
}

// filler gives what fills in a name, or nil.
func filler(name string, where place, feeds []*feed) func(*blanks) string {
	switch name {
	case "target":
		return func(b *blanks) string { return b.target }
	case "made":
		return func(b *blanks) string { return b.made }
	case "number":
		return func(b *blanks) string { return b.number }
	case "run":
		return func(b *blanks) string { return b.run }
	}
	at := slices.IndexFunc(feeds, func(f *feed) bool { return f.name == name })
	if at < 0 {
		return nil
	}
	forms := feeds[at].forms[where]
	return func(b *blanks) string { return forms[b.drawn[at]] }
}

func (t template) fill(values *blanks) string {
	if len(t.pieces) == 1 {
		return t.pieces[0].literal
	}
	var filled []byte
	for _, piece := range t.pieces {
		if piece.value != nil {
			filled = append(filled, piece.value(values)...)
		} else {
			filled = append(filled, piece.literal...)
		}
	}
	return string(filled)
}

// Names gives the names in braces that a text holds, in order.
func Names(text string) []string {
	var names []string
	for _, found := range blank.FindAllStringSubmatch(text, -1) {
		names = append(names, found[1])
	}
	return names
}
