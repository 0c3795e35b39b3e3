// Package suggest finds the word that someone probably meant.
package suggest

import "slices"

// Closest gives the known word nearest to word, or "" when none is near enough
// to be a likely slip. Of equally near words the first stands.
func Closest(word string, known []string) string {
	best, distance := "", len([]rune(word))/3+2 // half of a short word may be wrong, a third of a long one
	for _, candidate := range known {
		if d := edits([]rune(word), []rune(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// edits counts the insertions, deletions, substitutions and swaps of neighbours
// that turn a into b (optimal string alignment).
func edits(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			substitute := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				substitute++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, substitute)
			if i > 1 && j > 1 && slices.Equal(a[i-2:i], []rune{b[j-1], b[j-2]}) {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
