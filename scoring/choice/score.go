package choice

import (
	"unicode/utf8"

	"elara/scoring/measure"
	"elara/spec"
	"elara/spec/fault"
)

// Result is one run over a set, under the names of lm-evaluation-harness. Standard errors are the sample's deviation over
// the root of n. acc takes the choice with the largest sum; acc_norm divides by the characters of the choice, as the
// harness's code does though its documents say bytes; acc_bytes and acc_tokens divide by those.
type Result struct {
	N                    int     `json:"n"`
	Acc                  float64 `json:"acc"`
	AccStandardError     float64 `json:"acc_stderr"`
	AccNorm              float64 `json:"acc_norm"`
	AccNormStandardError float64 `json:"acc_norm_stderr"`
	AccBytes             float64 `json:"acc_bytes"`
	AccTokens            float64 `json:"acc_tokens"`
	Chance               float64 `json:"chance"` // the mean of 1 over the number of choices
	Right                []bool  `json:"-"`      // by item, of acc
}

// Score takes the likelihoods of all choices of all items.
func Score(items []spec.ChoiceItem, likelihoods [][]spec.Likelihood) (Result, error) {
	if len(items) == 0 || len(items) != len(likelihoods) {
		return Result{}, fault.New(fault.Invalid, "%d items and %d lists of likelihoods; expected as many, and at least one", len(items), len(likelihoods))
	}
	var acc, norm, bytes, tokens, chance []float64
	r := Result{N: len(items)}
	for i, item := range items {
		given := likelihoods[i]
		if len(given) != len(item.Choices) {
			return Result{}, fault.New(fault.Invalid, "item %s: %d likelihoods; expected %d, one a choice", item.ID, len(given), len(item.Choices))
		}
		acc = append(acc, right(item, func(c int) float64 { return given[c].Sum }))
		norm = append(norm, right(item, func(c int) float64 { return given[c].Sum / float64(utf8.RuneCountInString(item.Choices[c])) }))
		bytes = append(bytes, right(item, func(c int) float64 { return given[c].Sum / float64(len(item.Choices[c])) }))
		tokens = append(tokens, right(item, func(c int) float64 { return given[c].Sum / float64(given[c].Tokens) }))
		chance = append(chance, 1/float64(len(item.Choices)))
		r.Right = append(r.Right, acc[i] == 1)
	}
	r.Acc, r.AccStandardError = mean(acc)
	r.AccNorm, r.AccNormStandardError = mean(norm)
	r.AccBytes, _ = mean(bytes)
	r.AccTokens, _ = mean(tokens)
	r.Chance, _ = mean(chance)
	return r, nil
}

// right is 1 when the gold choice has the largest score; of equal ones the first is taken, as numpy's argmax does.
func right(item spec.ChoiceItem, score func(choice int) float64) float64 {
	best := 0
	for c := range item.Choices {
		if score(c) > score(best) {
			best = c
		}
	}
	if best == item.Gold {
		return 1
	}
	return 0
}

func mean(values []float64) (value, standardError float64) {
	m, standardError := measure.Mean(values)
	return m.Value, standardError
}
