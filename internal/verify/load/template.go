package load

import "regexp"

// blanks are what a template may hold, by name.
type blanks struct {
	target, made, term, number, run string
}

var blank = regexp.MustCompile(`\{(target|made|term|number|run)\}`)

// template is a text cut at its blanks, so that filling it is cheap.
type template struct {
	pieces []piece
	made   bool // it needs {made}
}

type piece struct {
	literal string
	value   func(*blanks) string // nil for a literal
}

func parseTemplate(text string) template {
	values := map[string]func(*blanks) string{
		"target": func(b *blanks) string { return b.target },
		"made":   func(b *blanks) string { return b.made },
		"term":   func(b *blanks) string { return b.term },
		"number": func(b *blanks) string { return b.number },
		"run":    func(b *blanks) string { return b.run },
	}
	var parsed template
	end := 0
	for _, at := range blank.FindAllStringSubmatchIndex(text, -1) {
		name := text[at[2]:at[3]]
		parsed.pieces = append(parsed.pieces, piece{literal: text[end:at[0]]}, piece{value: values[name]})
		parsed.made = parsed.made || name == "made"
		end = at[1]
	}
	parsed.pieces = append(parsed.pieces, piece{literal: text[end:]})
	return parsed
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
