package main

import (
	"fmt"
	"os"

	"elara/scoring/labelled"
	"elara/scoring/tone"
	"elara/spec"
)

const (
	leastF1 = 0.85
	seed    = 6
)

func main() {
	figures, err := measure()
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof tone:", err)
	}
	isMet := err == nil && figures.MacroF1.Value >= leastF1 && figures.MacroF1.Low > figures.Length
	verdict := "short"
	if isMet {
		verdict = "ok"
	}
	fmt.Printf("proof tone: macro-F1 %.3f, by length alone %.3f (bound %g, and its interval above length alone) %s\n", figures.MacroF1.Value, figures.Length, leastF1, verdict)
	if !isMet {
		os.Exit(1)
	}
}

func measure() (tone.Figures, error) {
	speaker, err := tone.Load()
	if err != nil {
		return tone.Figures{}, err
	}
	const folder = "scoring/tone/testdata"
	train, err := labelled.Read[tone.Item](folder, "tone", labelled.Dev)
	if err != nil {
		return tone.Figures{}, err
	}
	items, err := labelled.Read[tone.Item](folder, "tone", labelled.Sealed)
	if err != nil {
		return tone.Figures{}, err
	}
	figures := tone.Measure(speaker, items, train, seed)
	fmt.Printf("%d sealed texts; macro-F1 with a bootstrap over texts, shares by Wilson, 95 %% intervals\n", len(items))
	for _, audience := range spec.Audiences() {
		counts := figures.ByAudience[audience]
		fmt.Printf("%-10s recall %s  precision %s\n", audience, counts.Recall(), counts.Precision())
	}
	fmt.Printf("%-10s %s\n", "macro-F1", figures.MacroF1)
	fmt.Printf("%-10s %.3f\n", "by length", figures.Length)
	return figures, nil
}
