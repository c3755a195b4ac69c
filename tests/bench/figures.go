package main

import (
	"fmt"
	"slices"
	"strings"

	"elara/tests/ground"
)

// figures are what one run showed.
type figures struct {
	TokensPerSecond    float64 `json:"tokens_per_second"` // real tokens over the time of the training loop
	PeakRSSMB          float64 `json:"peak_rss_mb"`
	SecondsToFirstStep float64 `json:"seconds_to_first_step"` // from the start of the process to where the first step begins
	HeldOutLoss        float64 `json:"heldout_loss"`
	Seconds            float64 `json:"seconds"`      // of the process, to where the adapters are trained; Elara's are written then, too
	MatmulShare        float64 `json:"matmul_share"` // useful FLOP/s over the measured peak of matrix products; Python: 0, not measured
}

func (f figures) String() string {
	return fmt.Sprintf("%6.0f tokens/s  %6.0f MB  first step after %5.1f s  held-out loss %.4f  %5.1f s", f.TokensPerSecond, f.PeakRSSMB, f.SecondsToFirstStep, f.HeldOutLoss, f.Seconds)
}

// spread is a figure over several runs.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// result is one line of build/bench.json.
type result struct {
	Case               string `json:"case"`
	System             string `json:"system"`
	Runs               int    `json:"runs"`
	TokensPerSecond    spread `json:"tokens_per_second"`
	PeakRSSMB          spread `json:"peak_rss_mb"`
	SecondsToFirstStep spread `json:"seconds_to_first_step"`
	HeldOutLoss        spread `json:"heldout_loss"`
	Seconds            spread `json:"seconds"`
	MatmulShare        spread `json:"matmul_share"`
}

func over(runs []figures, pick func(figures) float64) spread {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = pick(r)
	}
	return spread{Median: ground.Median(values), Min: slices.Min(values), Max: slices.Max(values)}
}

func summary(system string, runs []figures) result {
	return result{
		Case: "lora-smollm2-135m", System: system, Runs: len(runs),
		TokensPerSecond:    over(runs, func(f figures) float64 { return f.TokensPerSecond }),
		PeakRSSMB:          over(runs, func(f figures) float64 { return f.PeakRSSMB }),
		SecondsToFirstStep: over(runs, func(f figures) float64 { return f.SecondsToFirstStep }),
		HeldOutLoss:        over(runs, func(f figures) float64 { return f.HeldOutLoss }),
		Seconds:            over(runs, func(f figures) float64 { return f.Seconds }),
		MatmulShare:        over(runs, func(f figures) float64 { return f.MatmulShare }),
	}
}

// table is the same for people and for docs/performance.md.
func table(all []result) string {
	var b strings.Builder
	b.WriteString("| system | real tokens/s (min-max) | peak memory, MB | to first step, s | held-out loss | whole run, s | share of the matmul peak |\n|---|---|---|---|---|---|---|\n")
	for _, r := range all {
		share := "not measured"
		if r.MatmulShare.Median > 0 {
			share = fmt.Sprintf("%.0f %%", 100*r.MatmulShare.Median)
		}
		fmt.Fprintf(&b, "| %s | %.0f (%.0f-%.0f) | %.0f | %.1f | %.4f | %.0f | %s |\n", r.System, r.TokensPerSecond.Median, r.TokensPerSecond.Min,
			r.TokensPerSecond.Max, r.PeakRSSMB.Median, r.SecondsToFirstStep.Median, r.HeldOutLoss.Median, r.Seconds.Median, share)
	}
	return b.String()
}
