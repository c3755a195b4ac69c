package accuracy

import (
	"regexp"
	"strings"
)

var notAlphanumeric = regexp.MustCompile(`[^a-z0-9]+`)

// tokens are those of Google's rouge_score without its stemmer: lower case, everything but a to z and 0 to 9 a blank.
func tokens(content string) []string {
	return strings.Fields(notAlphanumeric.ReplaceAllString(strings.ToLower(content), " "))
}

// TokenF1 is the harmonic mean of the shares of common tokens, counted with multiplicity, as SQuAD's evaluation has it;
// articles are kept.
func TokenF1(reference, answer string) float64 {
	wanted, told := tokens(reference), tokens(answer)
	left := map[string]int{}
	for _, token := range wanted {
		left[token]++
	}
	common := 0
	for _, token := range told {
		if left[token] > 0 {
			left[token]--
			common++
		}
	}
	return fMeasure(common, len(wanted), len(told))
}

// RougeL is the F-measure over the longest common subsequence of tokens (Lin 2004), equal to rougeL of Google's
// rouge_score 0.1.2 without stemming.
func RougeL(reference, answer string) float64 {
	wanted, told := tokens(reference), tokens(answer)
	row := make([]int, len(told)+1)
	for _, want := range wanted {
		diagonal := 0
		for j, got := range told {
			above := row[j+1]
			if want == got {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(row[j+1], row[j])
			}
			diagonal = above
		}
	}
	return fMeasure(row[len(told)], len(wanted), len(told))
}

func fMeasure(common, wanted, told int) float64 {
	if common == 0 {
		return 0
	}
	precision, recall := float64(common)/float64(told), float64(common)/float64(wanted)
	return 2 * precision * recall / (precision + recall)
}
