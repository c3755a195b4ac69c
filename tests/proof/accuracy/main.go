package main

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"elara/scoring/accuracy"
	"elara/scoring/labelled"
)

const (
	leastAUC = 0.90
	seed     = 6
)

func main() {
	figures, err := measure()
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof accuracy:", err)
	}
	isMet := err == nil && figures.AUC.Value >= leastAUC
	verdict := "short"
	if isMet {
		verdict = "ok"
	}
	fmt.Printf("proof accuracy: AUC %.3f of good against corrupted answers (bound %g) %s\n", figures.AUC.Value, leastAUC, verdict)
	if !isMet {
		os.Exit(1)
	}
}

func measure() (accuracy.Figures, error) {
	scorer, err := accuracy.Load()
	if err != nil {
		return accuracy.Figures{}, err
	}
	items, err := labelled.Read[accuracy.Item]("scoring/accuracy/testdata", "accuracy", labelled.Sealed)
	if err != nil {
		return accuracy.Figures{}, err
	}
	figures, err := accuracy.Measure(scorer, items, seed)
	if err != nil {
		return accuracy.Figures{}, err
	}
	fmt.Printf("%d sealed answers; AUC with a bootstrap over questions, shares by Wilson, 95 %% intervals\n", len(items))
	for _, kind := range slices.Sorted(maps.Keys(figures.ByKind)) {
		fmt.Printf("%-18s good answer higher in %s pairs\n", kind, figures.ByKind[kind])
	}
	fmt.Printf("%-18s good answer higher in %s pairs\n", "all", figures.Pairs)
	fmt.Printf("%-18s %s\n", "AUC", figures.AUC)
	return figures, nil
}
