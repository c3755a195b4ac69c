package gates

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"elara/scoring/memory"
	"elara/spec"
)

// Decide holds the comparisons of an adapter against its rules.
//
// Promote needs every metric no worse than its margin and the target better, all by the lower ends of their intervals: that
// every one of them must hold needs no correction for many tests. Reject needs proof: a metric that is worse, after Holm's
// correction over all metrics, and not within its margin; or a target whose gain is surely too small. All else is
// insufficient data.
//
// asked is what the adapter has by heart of its training rows, nil where nobody asked. Its verdict counts as one more; its test of
// membership is one more under Holm's correction.
func Decide(rules spec.GateRules, comparisons []spec.Comparison, asked *spec.MemoryResult) spec.AdapterGate {
	gate := spec.AdapterGate{Rules: rules}
	gate.Comparisons, gate.Memory = adjust(comparisons, asked)
	var against, unsure, held []string
	for _, c := range gate.Comparisons {
		margin := rules.Margins.Of(c.Metric)
		switch {
		case c.Items == 0:
			unsure = append(unsure, fmt.Sprintf("%s: not measured", c.Metric))
			continue
		case c.Clusters < rules.MinItems:
			unsure = append(unsure, fmt.Sprintf("%s: %d items that stand alone, at least %d are needed", c.Metric, c.Clusters, rules.MinItems))
			continue
		case c.HolmWorse <= oneSided && c.Gain.Low <= -margin:
			against = append(against, fmt.Sprintf("%s: worse by %s (Holm's p %.2g), margin %g", c.Metric, amount(c.Gain, -1), c.HolmWorse, margin))
			continue
		case c.Gain.Low <= -margin:
			unsure = append(unsure, fmt.Sprintf("%s: may be worse by %.3g, margin %g; about %s would tell", c.Metric, -c.Gain.Low, margin, enough(c, margin)))
		default:
			held = append(held, fmt.Sprintf("%s: no worse than by %.3g, margin %g", c.Metric, max(0, -c.Gain.Low), margin))
		}
		if c.Metric != rules.Target {
			continue
		}
		switch least := rules.MinImprovement; {
		case c.Gain.Low > least:
			held = append(held, fmt.Sprintf("%s: better by %s, as asked", c.Metric, amount(c.Gain, 1)))
		case c.Gain.High <= least:
			against = append(against, fmt.Sprintf("%s: better by %s; more than %g is asked", c.Metric, amount(c.Gain, 1), least))
		default:
			unsure = append(unsure, fmt.Sprintf("%s: better by %s; more than %g is asked, and a gain of %.3g is the least that %d items show", c.Metric, amount(c.Gain, 1), least, c.Detectable, c.Items))
		}
	}
	if m := gate.Memory; m != nil {
		memory.Decide(m, rules.MinItems)
		of := map[spec.GateVerdict]*[]string{spec.Reject: &against, spec.InsufficientData: &unsure, spec.Promote: &held}[m.Verdict]
		for _, reason := range m.Reasons {
			*of = append(*of, "memory: "+reason)
		}
	}
	measured := func(c spec.Comparison) bool { return c.Metric == rules.Target }
	if rules.Target != spec.TargetNone && !slices.ContainsFunc(gate.Comparisons, measured) {
		unsure = append(unsure, fmt.Sprintf("%s: not measured, and it must be better", rules.Target))
	}
	switch {
	case len(against) > 0:
		gate.Verdict, gate.Reasons = spec.Reject, slices.Concat(against, unsure)
	case len(unsure) > 0:
		gate.Verdict, gate.Reasons = spec.InsufficientData, unsure
	default:
		gate.Verdict, gate.Reasons = spec.Promote, held
	}
	return gate
}

// amount prints a gain with its interval; sign -1 prints a loss as a positive number.
func amount(e spec.Estimate, sign float64) string {
	low, high := sign*e.Low, sign*e.High
	return fmt.Sprintf("%.3g (%.3g to %.3g)", sign*e.Value, min(low, high), max(low, high))
}

// enough is the number of items with which a difference as large as the margin shows with 80 % power.
func enough(c spec.Comparison, margin float64) string {
	if margin == 0 {
		return "no number of items"
	}
	times := c.Detectable / margin
	return fmt.Sprintf("%.0f items", math.Ceil(float64(c.Items)*times*times))
}

// Adjust gives each comparison the p-value that holds for all of them together (Holm, Scand J Stat 6, 1979).
func Adjust(comparisons []spec.Comparison) []spec.Comparison {
	all, _ := adjust(comparisons, nil)
	return all
}

// adjust is Adjust over the test of membership too, where there was one.
func adjust(comparisons []spec.Comparison, asked *spec.MemoryResult) ([]spec.Comparison, *spec.MemoryResult) {
	type test struct{ p, adjusted *float64 }
	var tests []test
	all := slices.Clone(comparisons)
	for i := range all {
		if c := &all[i]; c.Items > 0 {
			tests = append(tests, test{&c.PWorse, &c.HolmWorse})
		}
	}
	if asked != nil {
		copied := *asked
		asked = &copied
		if asked.Asks(spec.PartMembership) {
			tests = append(tests, test{&asked.Membership.PAbove, &asked.Membership.HolmAbove})
		}
	}
	slices.SortStableFunc(tests, func(a, b test) int { return cmp.Compare(*a.p, *b.p) })
	largest := 0.0
	for rank, t := range tests {
		largest = max(largest, min(1, float64(len(tests)-rank)**t.p))
		*t.adjusted = largest
	}
	return all, asked
}

// Worst is the verdict on adapters that are released together: one that is rejected rejects all, one that lacks data leaves
// all without.
func Worst(gates []spec.AdapterGate) spec.GateVerdict {
	worst := spec.Promote
	for _, gate := range gates {
		switch gate.Verdict {
		case spec.Reject:
			return spec.Reject
		case spec.InsufficientData:
			worst = spec.InsufficientData
		}
	}
	return worst
}
