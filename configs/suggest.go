package configs

import "fmt"

// suggestion is " (did you mean X?)" for the name nearest to a misspelt one, or "" when none is near.
func suggestion(wrong string, known []string) string {
	best, bestDistance := "", 1+len(wrong)/3 // about one slip per three letters
	for _, name := range known {
		if d := editDistance(wrong, name); d <= bestDistance && (best == "" || d < bestDistance) {
			best, bestDistance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// editDistance is Levenshtein's: insertions, deletions and replacements of bytes, with one row of memory.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
