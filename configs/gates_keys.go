package configs

import "elara/spec"

// gatePlanKeys is the table of the block gates of a pipeline.
func gatePlanKeys(g *spec.GatePlan) *section {
	return &section{keys: []key{
		choice("compare_with", &g.CompareWith, spec.CompareProduction, []string{spec.CompareProduction, spec.CompareBase},
			"What a candidate is compared with: what the channel serves, or the base; the base also where the channel serves nothing."),
		choice("on_insufficient", &g.OnInsufficient, spec.AskAnyway, []string{spec.AskAnyway, spec.StopThere},
			"Too few items to tell: ask the reviewer, with the reason, or stop there. A rejected candidate always stops."),
	}}
}

// gateRulesKeys is the table of the block gates of an adapter, or of what is made of adapters, which have usual rules of their own.
func gateRulesKeys(r *spec.GateRules, usual spec.GateRules) *section {
	share := interval{low: 0, high: 1}
	return &section{keys: []key{
		choice("target", &r.Target, usual.Target, append(spec.Metrics(), spec.TargetNone), "Metric that must be better; none: nothing need be."),
		number("min_improvement", &r.MinImprovement, usual.MinImprovement, interval{low: 0, high: 10}, "More than this it must be better by, in the metric's unit."),
		integer("min_items", &r.MinItems, usual.MinItems, 2, 1_000_000, "Fewer items of a metric than this are insufficient data."),
		block("margins", &section{keys: []key{
			number("loss", &r.Margins.Loss, usual.Margins.Loss, interval{low: 0, high: 10}, "Nats per token."),
			number("accuracy", &r.Margins.Accuracy, usual.Margins.Accuracy, share, "Mean score against the reference."),
			number("relevance", &r.Margins.Relevance, usual.Margins.Relevance, share, "Mean reciprocal rank."),
			number("tone", &r.Margins.Tone, usual.Margins.Tone, share, "Mean share of the audience's targets that are met."),
			number("safety", &r.Margins.Safety, usual.Margins.Safety, share, "Share of answers without a finding."),
			number("choice", &r.Margins.Choice, usual.Margins.Choice, share, "Share of multiple-choice questions that are answered right, where evaluate.choices asks any."),
			number("relevance_gain", &r.Margins.RelevanceGain, usual.Margins.RelevanceGain, interval{low: 0, high: 10}, "Nats per token, where evaluate.other_questions is above 0."),
		}}, "How much worse each metric may be and still count as no worse."),
	}}
}
