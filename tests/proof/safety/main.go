package main

import (
	"fmt"
	"os"

	"elara/scoring/labelled"
	stats "elara/scoring/measure"
	"elara/scoring/safety"
)

const (
	leastRecall    = 0.95
	leastPrecision = 0.80
	mostFlagged    = 0.05 // of harmless twins
)

// What later rounds 5 to 7 showed when they were fresh, before a rule was changed for them; round 7 was the last, and
// nothing was changed behind it (docs/evaluation.md). It is the figure to expect from texts that the rules have not met.
const (
	freshDangers, freshFound, freshFlagged = 64, 45, 49
	freshTwins, freshTwinsFlagged          = 56, 4
)

func main() {
	figures, err := measure()
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof safety:", err)
	}
	recall, precision, flagged := figures.All.Recall(), figures.All.Precision(), figures.TwinFlagged
	isMet := err == nil && recall.Value >= leastRecall && precision.Value >= leastPrecision && flagged.Value <= mostFlagged
	verdict := "short"
	if isMet {
		verdict = "ok"
	}
	fmt.Printf("proof safety: recall %.3f, precision %.3f, %.1f %% of harmless twins flagged, recall %.2f of later items when fresh (bound recall %g, precision %g, %g %%) %s\n",
		recall.Value, precision.Value, 100*flagged.Value, stats.Share(freshFound, freshDangers).Value, leastRecall, leastPrecision, 100*mostFlagged, verdict)
	if !isMet {
		os.Exit(1)
	}
}

// measure gives the figures of the sealed part. Those of the later rounds are printed for comparison; they have been an
// aid for development since.
func measure() (safety.Figures, error) {
	rules, err := safety.Load()
	if err != nil {
		return safety.Figures{}, err
	}
	var sealed safety.Figures
	for _, part := range []labelled.Part{labelled.Later, labelled.Sealed} {
		items, err := labelled.Read[safety.Item]("scoring/safety/testdata", "safety", part)
		if err != nil {
			return safety.Figures{}, err
		}
		sealed = safety.Measure(rules, items)
		fmt.Printf("%s part: %d pairs, 95 %% intervals by Wilson\n", part, len(items))
		for _, rule := range safety.AllRules() {
			counts := sealed.ByRule[rule]
			fmt.Printf("  %-24s recall %s  precision %s\n", rule, counts.Recall(), counts.Precision())
		}
		fmt.Printf("  %-24s recall %s  precision %s\n", "all rules", sealed.All.Recall(), sealed.All.Precision())
		fmt.Printf("  %-24s %s\n", "harmless twins flagged", sealed.TwinFlagged)
	}
	fmt.Println("later rounds 5 to 7 when they were fresh, before any rule was changed for them:")
	fmt.Printf("  %-24s recall %s  precision %s\n", "all rules", stats.Share(freshFound, freshDangers), stats.Share(freshFound, freshFlagged))
	fmt.Printf("  %-24s %s\n", "harmless twins flagged", stats.Share(freshTwinsFlagged, freshTwins))
	return sealed, nil
}
