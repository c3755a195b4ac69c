package main

import (
	"errors"
	"fmt"
	"math"
)

// The bounds of make proof-speed and make proof-four-adapters.
const (
	overGuide      = 4.0  // real tokens/s over those of the guide's script
	overBest       = 2.0  // and over those of Python at its best
	memoryOfBest   = 0.5  // peak memory over that of Python at its best
	leastShare     = 0.5  // of the measured float32 peak of matrix products
	coldStart      = 2.0  // seconds to where the first step begins
	halfDiffers    = 0.01 // of the held-out loss, bfloat16 against float32
	fourOverBest   = 2.5  // time of four runs of Python at its best over that of four adapters at once
	fourMemory     = 0.15 // peak memory over four times that of Python at its best
	peersDisagree  = 0.02 // of the held-out loss: two systems that differ by more have not trained the same
	runsForAProof  = 5
	pythonRunsFour = 4
)

var judges = map[string]func([]result) error{"speed": speed, "four-adapters": fourAdapters}

// bound is one figure and what it is held to.
type bound struct {
	what   string
	figure float64
	limit  float64
	least  bool // the limit is the least that passes; else the most
}

func (b bound) holds() bool {
	if b.least {
		return b.figure >= b.limit
	}
	return b.figure <= b.limit
}

// verdict prints each bound and, last, the proof's line with the first of them.
func verdict(proof string, all []result, bounds []bound) error {
	word, short := "ok", error(nil)
	for _, b := range bounds {
		sign := "at most"
		if b.least {
			sign = "at least"
		}
		fmt.Printf("%-60s %.3g (%s %g)\n", b.what, b.figure, sign, b.limit)
		if !b.holds() || math.IsNaN(b.figure) {
			word, short = "short", errors.Join(short, fmt.Errorf("%s: %.3g, %s %g was asked for", b.what, b.figure, sign, b.limit))
		}
	}
	if err := agree(all); err != nil {
		word, short = "short", errors.Join(short, err)
	}
	for _, r := range all {
		if r.Runs < runsForAProof {
			word, short = "short", errors.Join(short, fmt.Errorf("%s ran %d times, %d are asked for", r.System, r.Runs, runsForAProof))
		}
	}
	fmt.Printf("proof %s: %.3g x (bound %g x) %s\n", proof, bounds[0].figure, bounds[0].limit, word)
	return short
}

func speed(all []result) error {
	by := bySystem(all)
	mine, python := by[one], by[best]
	if faster := by[sft]; faster.TokensPerSecond.Median > python.TokensPerSecond.Median {
		python = faster
	}
	return verdict("speed", all, []bound{
		{"real tokens/s over Python's at its best", mine.TokensPerSecond.Median / python.TokensPerSecond.Median, overBest, true},
		{"real tokens/s over the guide's script", mine.TokensPerSecond.Median / by[guide].TokensPerSecond.Median, overGuide, true},
		{"peak memory over Python's at its best", mine.PeakRSSMB.Median / min(by[best].PeakRSSMB.Median, by[sft].PeakRSSMB.Median), memoryOfBest, false},
		{"share of the matmul peak, float32", by[float32s].MatmulShare.Median, leastShare, true},
		{"seconds to where the first step begins", mine.SecondsToFirstStep.Median, coldStart, false},
		{"held-out loss of bfloat16 against float32, relative", math.Abs(mine.HeldOutLoss.Median/by[float32s].HeldOutLoss.Median - 1), halfDiffers, false},
	})
}

func fourAdapters(all []result) error {
	by := bySystem(all)
	seconds := min(by[best].Seconds.Median, by[sft].Seconds.Median)
	return verdict("four-adapters", all, []bound{
		{"time of four runs of Python at its best over ours", pythonRunsFour * seconds / by[four].Seconds.Median, fourOverBest, true},
		{"peak memory over that of four runs at once", by[four].PeakRSSMB.Median / (pythonRunsFour * min(by[best].PeakRSSMB.Median, by[sft].PeakRSSMB.Median)), fourMemory, false},
	})
}

func bySystem(all []result) map[string]result {
	by := map[string]result{}
	for _, r := range all {
		by[r.System] = r
	}
	return by
}

// agree is the check that all systems have learnt the same: a comparison of speeds means nothing without it.
func agree(all []result) error {
	for _, r := range all {
		if first := all[0].HeldOutLoss.Median; math.Abs(r.HeldOutLoss.Median/first-1) > peersDisagree {
			return fmt.Errorf("held-out loss of %s is %.4f, of %s %.4f: they did not train the same", r.System, r.HeldOutLoss.Median, all[0].System, first)
		}
	}
	return nil
}
