package report

import (
	"cmp"
	"fmt"
	"slices"

	"elara/spec"
)

// mostSamples is how many answers a table shows of the least rewarded ones, and of the most rewarded ones.
const mostSamples = 10

// sampleTable is the answers of one evaluation, the least rewarded first.
type sampleTable struct {
	Step        string
	About       string
	Open        bool
	Worst, Best []spec.PPOSample
	Hidden      int // between them
}

// sampleTables puts samples, which come by rising step, into a table for each. The newest is open.
func sampleTables(samples []spec.PPOSample) (tables []sampleTable) {
	for len(samples) > 0 {
		step := samples[0].Step
		end := slices.IndexFunc(samples, func(s spec.PPOSample) bool { return s.Step != step })
		if end < 0 {
			end = len(samples)
		}
		tables = append(tables, sampleTableOf(slices.Clone(samples[:end])))
		samples = samples[end:]
	}
	if n := len(tables); n > 0 {
		tables[n-1].Open = true
	}
	return tables
}

func sampleTableOf(samples []spec.PPOSample) sampleTable {
	var before, after float64
	for _, s := range samples {
		before, after = before+s.ScoreBefore/float64(len(samples)), after+s.ScoreAfter/float64(len(samples))
	}
	t := sampleTable{
		Step:  grouped(samples[0].Step),
		About: fmt.Sprintf("%d answers, mean reward %s before, %s after", len(samples), number(before), number(after)),
	}
	slices.SortStableFunc(samples, func(a, b spec.PPOSample) int { return cmp.Compare(a.ScoreAfter, b.ScoreAfter) })
	t.Worst = samples
	if n := len(samples); n > 2*mostSamples {
		t.Worst, t.Best, t.Hidden = samples[:mostSamples], samples[n-mostSamples:], n-2*mostSamples
	}
	return t
}
