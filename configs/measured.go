package configs

import "elara/spec"

// evaluateKey decides whether what is made of adapters is measured.
func evaluateKey(target *bool) key {
	return boolean("evaluate", target, true, "Measure what comes out as the adapters are, beside the base, for the audience of each adapter and on the rows held out for it, and hold it to gates. false: a reviewer sees no figures of it.")
}

// settleMeasured leaves no rules where nothing is measured, and refuses rules that nobody would read and names that would stand for two
// things.
func (r *pipelineReader) settleMeasured(tree *node) error {
	in := &r.pipeline.Input
	for _, made := range []struct {
		block     string
		evaluates bool
		rules     *spec.GateRules
	}{{"merge", r.evaluatesMerged, &in.Merge.Gates}, {"distill", r.evaluatesStudent, &in.Distill.Gates}} {
		if made.evaluates {
			continue
		}
		if err := refuseUnread(tree.get(made.block), made.block, []unread{{true, "evaluate is false", []string{"gates"}}}); err != nil {
			return err
		}
		*made.rules = spec.GateRules{}
	}
	if err := in.CheckMeasured(); err != nil {
		return tree.place("adapters").errorf("%w", err)
	}
	return nil
}
