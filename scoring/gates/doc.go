// Package gates says whether a new model may take an old one's place, from the scores of both on the same items: promote,
// reject, or insufficient data, each with reasons.
//
// It promises the same verdict for the same scores on every machine: the bootstrap's draws are a function of the draw's
// number. Every figure has its 95 % interval. Two equal models are promoted in at most 5 % of evaluations
// (make proof-gates).
//
// It refuses scores that are not paired, not finite, or not 0 or 1 where a metric is yes or no.
//
//	loss, err := gates.Compare(gates.Sample{Metric: spec.MetricLoss, Old: old, New: new, LowerIsBetter: true})
//	gate := gates.Decide(spec.DefaultGateRules(), []spec.Comparison{loss}, nil)
//	fmt.Println(gate.Verdict, gate.Reasons)
package gates
