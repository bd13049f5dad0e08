// Package spelling finds what somebody may have meant.
package spelling

// Nearest is the word that typed is most likely a slip of, or "" where none is
// near: one letter in a short word, two in one of four letters or more. The first of
// several that are equally near is taken.
func Nearest(typed string, words []string) string {
	limit := 1
	switch n := len(typed); {
	case n > 200: // nobody types that
		return ""
	case n >= 4:
		limit = 2
	}
	nearest := ""
	for _, word := range words {
		if word == typed || len(typed)-len(word) > limit || len(word)-len(typed) > limit {
			continue
		}
		// Nothing is left of a word of which most letters are others.
		if n := slips(typed, word); n <= limit && 2*n < len(word) {
			nearest, limit = word, n-1
		}
	}
	return nearest
}

// slips counts the letters that are missing, too many, others or swapped with the
// next one: the optimal string alignment distance.
func slips(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			other := 1
			if a[i-1] == b[j-1] {
				other = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+other)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// Hint is "; did you mean WORD?", or nothing where no word is near.
func Hint(typed string, words []string) string {
	if word := Nearest(typed, words); word != "" {
		return "; did you mean " + word + "?"
	}
	return ""
}
