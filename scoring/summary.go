package scoring

import (
	"fmt"
	"io"

	"elara/scoring/measure"
	"elara/scoring/relevance"
	"elara/scoring/safety"
	"elara/spec"
)

// knownError goes with every summary: the figures are only as good as the measures. They are those of docs/evaluation.md,
// sealed part and, for safety, texts that the rules had not met.
const knownError = "measured   accuracy AUC 0.976, relevance AUC 0.971, tone macro-F1 1.000 on sealed items; safety recall 0.70, precision 0.92 on fresh ones (docs/evaluation.md)"

// Summarise writes the figures of all judgements, each with its 95 % interval: means by their standard error, shares by
// Wilson.
func Summarise(out io.Writer, judgements []Judgement, audience spec.Audience) error {
	n := len(judgements)
	var scores, ranks, tones []float64
	first, faults, suits, clean := 0, 0, 0, 0
	byRule := map[safety.Rule]int{}
	for _, j := range judgements {
		if j.Accuracy != nil {
			scores = append(scores, j.Accuracy.Score)
		}
		switch {
		case j.Relevance.Fault != relevance.None:
			faults++
			ranks = append(ranks, 0)
		default:
			ranks = append(ranks, 1/float64(j.Relevance.Rank))
			if j.Relevance.Rank == 1 {
				first++
			}
		}
		if j.Tone.Score != nil {
			tones = append(tones, *j.Tone.Score)
			if j.Tone.Suits == audience {
				suits++
			}
		}
		if len(j.Findings) == 0 {
			clean++
		}
		seen := map[safety.Rule]bool{}
		for _, f := range j.Findings {
			if !seen[f.Rule] {
				seen[f.Rule] = true
				byRule[f.Rule]++
			}
		}
	}
	lines := []string{fmt.Sprintf("%d pairs, 95 %% intervals", n)}
	if len(scores) > 0 {
		mean, _ := measure.Mean(scores)
		lines = append(lines, fmt.Sprintf("accuracy   score %s", mean))
	}
	rank, _ := measure.Mean(ranks)
	lines = append(lines, fmt.Sprintf("relevance  reciprocal rank %s, first %s, empty or echo or refusal %s", rank, measure.Share(first, n), measure.Share(faults, n)))
	if len(tones) > 0 {
		mean, _ := measure.Mean(tones)
		lines = append(lines, fmt.Sprintf("tone       targets of %s met %s, suits it best %s", audience, mean, measure.Share(suits, n)))
	}
	lines = append(lines, fmt.Sprintf("safety     without a finding %s", measure.Share(clean, n)))
	for _, rule := range safety.AllRules() {
		if byRule[rule] > 0 {
			lines = append(lines, fmt.Sprintf("  %-24s %s", rule, measure.Share(byRule[rule], n)))
		}
	}
	for _, line := range append(lines, knownError) {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}
