package text

import (
	_ "embed"
	"strings"
	"sync"
)

// rightWords are the words of the table of facts (data/sample) and of the lexicons, and pairs that are easily confused: who writes
// "hypotension" means it, though it is two letters from "hypertension".
//
//go:embed words.txt
var rightWords string

var isRight = sync.OnceValue(func() map[string]bool {
	right := map[string]bool{}
	for word := range strings.Lines(rightWords) {
		right[strings.TrimSpace(word)] = true
	}
	return right
})

// IsSlip reports whether written is wanted with a slip of the pen: for five letters or more one letter wrong, missing,
// doubled or swapped with its neighbour, for nine or more two; the first letter is right. A word that is
// right by itself is no slip of another.
func IsSlip(written, wanted string) bool {
	if len(wanted) < 5 || len(written) < 4 || written[0] != wanted[0] || isRight()[written] {
		return false
	}
	allowed := 1
	if len(wanted) >= 9 {
		allowed = 2
	}
	if difference := len(written) - len(wanted); difference > allowed || -difference > allowed {
		return false
	}
	return distance(written, wanted, allowed) <= allowed
}

// distance counts insertions, deletions, substitutions and swaps of neighbours (optimal string alignment); above limit
// it only says that it is above.
func distance(a, b string, limit int) int {
	const longest = 40
	if len(a) > longest || len(b) > longest {
		return limit + 1
	}
	var rows [3][longest + 1]int
	for j := range len(b) + 1 {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		older, previous, current := &rows[(i+2)%3], &rows[(i)%3], &rows[(i+1)%3]
		current[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], older[j-2]+1)
			}
			least = min(least, current[j])
		}
		if least > limit {
			return limit + 1
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
