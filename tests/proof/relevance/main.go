package main

import (
	"context"
	"fmt"
	"os"

	"elara/scoring/labelled"
	"elara/scoring/measure"
	"elara/scoring/relevance"
)

const (
	leastAUC = 0.95
	seed     = 6
)

func main() {
	figures, byLikelihood, err := prove(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof relevance:", err)
	}
	isMet := err == nil && min(figures.AUC.Value, byLikelihood.Value) >= leastAUC
	verdict := "short"
	if isMet {
		verdict = "ok"
	}
	fmt.Printf("proof relevance: AUC %.3f of right against shuffled pairs by words, %.3f by likelihood (bound %g) %s\n", figures.AUC.Value, byLikelihood.Value, leastAUC, verdict)
	if !isMet {
		os.Exit(1)
	}
}

// prove gives the figures of the sealed part. Those of the later rounds are printed for comparison; they have been an
// aid for development of the score by words since.
func prove(ctx context.Context) (sealed relevance.Figures, byLikelihood measure.Interval, err error) {
	scorer, err := relevance.Load()
	if err != nil {
		return sealed, byLikelihood, err
	}
	for _, part := range []labelled.Part{labelled.Later, labelled.Sealed} {
		items, err := labelled.Read[relevance.Item]("scoring/relevance/testdata", "relevance", part)
		if err != nil {
			return sealed, byLikelihood, err
		}
		if byLikelihood, err = gain(ctx, items); err != nil {
			return sealed, byLikelihood, err
		}
		sealed = relevance.Measure(scorer, items, seed)
		fmt.Printf("%s part: %d pairs; AUC with a bootstrap over answers, shares by Wilson, 95 %% intervals\n", part, len(items))
		fmt.Printf("  %-22s %s\n", "AUC by words", sealed.AUC)
		fmt.Printf("  %-22s %s\n", "AUC by likelihood", byLikelihood)
		fmt.Printf("  %-22s %s among %d others\n", "mean reciprocal rank", sealed.Rank, relevance.Distractors)
		if part == labelled.Sealed { // the later rounds have none
			fmt.Printf("  %-22s recall %s  precision %s\n", "empty, echo, refusal", sealed.Faults.Recall(), sealed.Faults.Precision())
		}
	}
	return sealed, byLikelihood, nil
}
