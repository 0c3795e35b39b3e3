package telemetry

// scanner looks for secrets in text. Its methods are told where one may begin,
// and give the part of the text to replace, or 0, 0.
type scanner[T text] struct {
	in   T
	json bool // in is JSON: a backslash begins an escape
	bare bool // what is to be replaced is a JSON value without quotes
}

// userinfo is what is before the @ of a URL.
func (s *scanner[T]) userinfo(i int) (from, to int) {
	if i+3 > len(s.in) || s.in[i+1] != '/' || s.in[i+2] != '/' {
		return 0, 0
	}
	from = i + 3
	at, colon, path := 0, 0, 0
	end := s.word(from, true)
	for j := from; j < end; j++ {
		switch s.in[j] {
		case '@':
			if path == 0 || colon > 0 && !s.digits(colon+1, path) {
				at = j // of a password with a slash, too
			}
		case ':':
			if path == 0 && colon == 0 {
				colon = j
			}
		case '/', '?', '#':
			if path == 0 {
				if path = j; at > 0 {
					return from, at
				}
			}
		}
	}
	if at <= from {
		return 0, 0
	}
	return from, at
}

func (s *scanner[T]) digits(from, to int) bool {
	for ; from < to; from++ {
		if s.in[from] < '0' || s.in[from] > '9' {
			return false
		}
	}
	return true
}

// jwt is a token of dots and base64; they all begin so, with a brace and a quote.
func (s *scanner[T]) jwt(i int) (from, to int) {
	if !startsWith(s.in, i, "eyj") || s.in[i+1] != 'y' || s.in[i+2] != 'J' {
		return 0, 0
	}
	end := i
	for end < len(s.in) && (isIdentifier(s.in[end]) || s.in[end] == '.' || s.in[end] == '=') {
		end++
	}
	if end-i < 12 {
		return 0, 0
	}
	return i, end
}

// privateKey is the whole of a PEM block, or what there is of it.
func (s *scanner[T]) privateKey(i int) (from, to int) {
	const begin, end = "-----begin ", "-----end "
	if !startsWith(s.in, i, begin) {
		return 0, 0
	}
	label := i + len(begin)
	for label < len(s.in) && !startsWith(s.in, label, "private key") {
		if s.in[label] == '-' || s.in[label] == '"' {
			return 0, 0
		}
		label++
	}
	run := 0
	for to = label; to < len(s.in); to++ {
		switch s.in[to] {
		case '\\':
			run++
			continue
		case '"':
			if s.json {
				return i, to - run
			}
		case '-':
			if startsWith(s.in, to, end) {
				return i, to
			}
		}
		run = 0
	}
	if label == len(s.in) {
		return 0, 0
	}
	return i, to
}

// scheme is what follows "Bearer" or "Basic", if that isn't prose.
func (s *scanner[T]) scheme(i int) (from, to int) {
	word := startsWithAny(s.in, i, "bearer", "basic")
	if word == "" {
		return 0, 0
	}
	from = s.blanks(i + len(word))
	if from == i+len(word) {
		return 0, 0
	}
	to = s.word(from, false)
	if !suspicious(s.in[from:to]) {
		return 0, 0
	}
	return from, to
}

// named is the value of a name like password: password=x, "password":"x",
// Password: x, and the same within a JSON string.
func (s *scanner[T]) named(i int) (from, to int) {
	word := wordAt(s.in, i)
	if word == "" {
		return 0, 0
	}
	j := i + len(word)
	for j < len(s.in) && isIdentifier(s.in[j]) {
		j++
	}
	quoted, structural := false, false
	if after, _ := s.quote(j); after > j {
		quoted, structural = true, after == j+1 && s.in[j] == '"'
		j = after
	}
	j = s.blanks(j)
	if j >= len(s.in) || s.in[j] != ':' && s.in[j] != '=' {
		return 0, 0
	}
	prose := !quoted && s.in[j] == ':'
	from = s.blanks(j + 1)
	if from >= len(s.in) {
		return 0, 0
	}
	if after, escapes := s.quote(from); after > from {
		if s.json && !structural && escapes == 0 && s.in[from] == '"' {
			return 0, 0 // the JSON string ends
		}
		return after, s.closing(after, s.in[after-1], escapes)
	}
	switch {
	case s.in[from] == '[' || s.in[from] == '{':
		s.bare = structural
		return from, s.balanced(from, structural)
	case structural:
		s.bare = true
		return from, s.until(from, ",}]")
	case word == "authorization" || word == "cookie":
		return s.header(from)
	}
	to = s.word(from, false)
	for k := from; k < to; k++ {
		if s.in[k] == '&' {
			to = k
		}
	}
	if to == from || prose && word[0] != 'p' && (!suspicious(s.in[from:to]) || to-from < 4) {
		return 0, 0
	}
	return from, to
}

// header is the rest of the line, if there is anything in it but prose.
func (s *scanner[T]) header(from int) (int, int) {
	secret := false
	end := from
	for end < len(s.in) {
		word := s.word(end, false)
		secret = secret || suspicious(s.in[end:word])
		end = word
		if end == len(s.in) || s.in[end] != ' ' && s.in[end] != '\t' {
			break
		}
		end++
	}
	if !secret {
		return 0, 0
	}
	return from, end
}

// blanks gives where blanks from i on end.
func (s *scanner[T]) blanks(i int) int {
	for i < len(s.in) && (s.in[i] == ' ' || s.in[i] == '\t') {
		i++
	}
	return i
}

// word gives where the word that begins at i ends: before a blank, a quote or the
// end of the line. Quotes that are escaped may be part of it.
func (s *scanner[T]) word(i int, escapedQuotes bool) int {
	for i < len(s.in) {
		switch c := s.in[i]; {
		case c == '"', c <= ' ':
			return i
		case c == '\\' && i+1 < len(s.in):
			next := s.in[i+1]
			switch {
			case next == '"' && escapedQuotes:
				i++
			case next == '"':
				return i
			case s.json && (next == 'n' || next == 'r' || next == 't'):
				return i
			case s.json:
				i++
			}
		}
		i++
	}
	return min(i, len(s.in))
}

// quote gives where a quote at i, with its escapes, ends; i if there is none. One in
// JSON in JSON has 1 escape, one in JSON in that has 3, and so on.
func (s *scanner[T]) quote(i int) (after, escapes int) {
	j := i
	for j < len(s.in) && s.in[j] == '\\' {
		j++
	}
	escapes = j - i
	if j == len(s.in) || s.in[j] != '"' && s.in[j] != '\'' || escapes&(escapes+1) != 0 {
		return i, 0
	}
	return j + 1, escapes
}

// closing gives where the quoted text that begins at i ends, if its quote had so
// many escapes: before such a quote, or one of the text around.
func (s *scanner[T]) closing(i int, quote byte, escapes int) int {
	run := 0
	for ; i < len(s.in); i++ {
		switch c := s.in[i]; c {
		case '\\':
			run++
			continue
		case quote, '"':
			for k := 0; k <= escapes; k = 2*k + 1 {
				if closes(run, k) && (c == quote && k == escapes || s.json && c == '"' && k < max(1, escapes)) {
					return i - k
				}
			}
		}
		run = 0
	}
	return i
}

// closes tells whether a quote after a run of backslashes is at the depth where
// quotes have so many escapes, and not part of the text there.
func closes(run, escapes int) bool { return run%(2*(escapes+1)) == escapes }

// balanced gives where what the bracket at i opens ends.
func (s *scanner[T]) balanced(i int, structural bool) int {
	depth, run := 0, 0
	inside := -1 // escapes of the quote that text within began with
	for ; i < len(s.in); i++ {
		c := s.in[i]
		switch {
		case c == '\\':
			run++
			continue
		case c == '"' && s.json && !structural && closes(run, 0):
			return i - run // the end of the JSON string it is in
		case c == '"' && inside < 0:
			inside = run
		case c == '"' && closes(run, inside):
			inside = -1
		case inside < 0 && (c == '[' || c == '{'):
			depth++
		case inside < 0 && (c == ']' || c == '}'):
			depth--
			if depth == 0 {
				return i + 1
			}
		}
		run = 0
	}
	return i
}

// until gives where one of some bytes is.
func (s *scanner[T]) until(i int, ends string) int {
	for ; i < len(s.in); i++ {
		for j := range len(ends) {
			if s.in[i] == ends[j] {
				return i
			}
		}
	}
	return i
}

func isIdentifier(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
