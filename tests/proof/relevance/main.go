package main

import (
	"fmt"
	"os"

	"elara/scoring/labelled"
	"elara/scoring/relevance"
)

const (
	leastAUC = 0.95
	seed     = 6
)

func main() {
	figures, err := measure()
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof relevance:", err)
	}
	isMet := err == nil && figures.AUC.Value >= leastAUC
	verdict := "short"
	if isMet {
		verdict = "ok"
	}
	fmt.Printf("proof relevance: AUC %.3f of right against shuffled pairs (bound %g) %s\n", figures.AUC.Value, leastAUC, verdict)
	if !isMet {
		os.Exit(1)
	}
}

func measure() (relevance.Figures, error) {
	scorer, err := relevance.Load()
	if err != nil {
		return relevance.Figures{}, err
	}
	items, err := labelled.Read[relevance.Item]("scoring/relevance/testdata", "relevance", labelled.Sealed)
	if err != nil {
		return relevance.Figures{}, err
	}
	figures := relevance.Measure(scorer, items, seed)
	fmt.Printf("%d sealed pairs; AUC with a bootstrap over answers, shares by Wilson, 95 %% intervals\n", len(items))
	fmt.Printf("%-22s %s\n", "AUC", figures.AUC)
	fmt.Printf("%-22s %s among %d others\n", "mean reciprocal rank", figures.Rank, relevance.Distractors)
	fmt.Printf("%-22s recall %s  precision %s\n", "empty, echo, refusal", figures.Faults.Recall(), figures.Faults.Precision())
	for _, arg := range os.Args[1:] {
		if arg == "--errors" {
			for _, wrong := range figures.Wrong {
				fmt.Println(wrong)
			}
		}
	}
	return figures, nil
}
