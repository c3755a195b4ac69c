package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"elara/scoring/gates"
	"elara/scoring/measure"
	"elara/spec"
)

const (
	mostFalse = 0.05
	trials    = 2000
	powered   = 400 // trials of models with a difference
)

func main() {
	equal, err := run(trials, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof gates:", err)
	}
	fmt.Printf("%d evaluations of two equal models: %d held-out rows, %d questions; shares by Wilson, 95 %% intervals\n", trials, rows, questions)
	fmt.Printf("promoted          %s\nrejected          %s\ninsufficient data %s\n", equal.share(spec.Promote), equal.share(spec.Reject), equal.share(spec.InsufficientData))
	fmt.Printf("target alone better %s\n", measure.Share(equal.better, equal.trials))
	for _, gain := range []float64{0.01, 0.02, 0.04} {
		var found tally
		if err == nil {
			found, err = run(powered, gain)
		}
		fmt.Printf("loss better by %.2f nats: promoted %s\n", gain, found.share(spec.Promote))
	}
	if err == nil {
		var found tally
		found, err = run(powered, -0.04)
		fmt.Printf("loss worse by 0.04 nats: rejected %s, promoted %s\n", found.share(spec.Reject), found.share(spec.Promote))
	}
	promoted := equal.share(spec.Promote)
	isMet := err == nil && promoted.Value <= mostFalse && float64(equal.better)/float64(equal.trials) <= mostFalse
	verdict := "short"
	if isMet {
		verdict = "ok"
	}
	fmt.Printf("proof gates: equal models promoted in %.1f %% of %d evaluations, target alone better in %.1f %% (bound %.0f %%) %s\n",
		100*promoted.Value, trials, 100*float64(equal.better)/float64(equal.trials), 100*mostFalse, verdict)
	if !isMet {
		os.Exit(1)
	}
}

// tally counts what became of some evaluations.
type tally struct {
	trials   int
	verdicts map[spec.GateVerdict]int
	better   int // the target was called better
}

func (t tally) share(v spec.GateVerdict) measure.Interval {
	return measure.Share(t.verdicts[v], t.trials)
}

// run judges evaluations of models whose loss differs by a gain, beside each other.
func run(trials int, gain float64) (tally, error) {
	t := tally{trials: trials, verdicts: map[spec.GateVerdict]int{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	var failed error
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for trial := range next {
				gate, err := judge(trial, gain)
				mu.Lock()
				if err != nil {
					failed = err
				} else {
					t.verdicts[gate.Verdict]++
					if gate.Comparisons[0].Gain.Low > 0 {
						t.better++
					}
				}
				mu.Unlock()
			}
		})
	}
	for trial := range trials {
		next <- trial
	}
	close(next)
	all.Wait()
	return t, failed
}

func judge(trial int, gain float64) (spec.AdapterGate, error) {
	// Margins wide enough that so few questions can be within them: equal models must have their chance to be promoted.
	rules := spec.DefaultGateRules()
	rules.Margins = spec.Margins{Loss: 0.02, Accuracy: 0.1, Relevance: 0.1, Tone: 0.1, Safety: 0.1}
	var comparisons []spec.Comparison
	for _, sample := range evaluation(trial, gain) {
		c, err := gates.Compare(sample)
		if err != nil {
			return spec.AdapterGate{}, err
		}
		comparisons = append(comparisons, c)
	}
	return gates.Decide(rules, comparisons, nil), nil
}
