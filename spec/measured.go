package spec

import "elara/spec/fault"

// MeasuredModel is what a pipeline makes of several adapters, measured as one of them is: for its audience, on the rows held out for it.
type MeasuredModel struct {
	Made    AdapterName // ModelMerged or ModelStudent
	Adapter AdapterName
	Rules   GateRules
}

// Name is that of the model in scores and verdicts.
func (m MeasuredModel) Name() AdapterName { return m.Made + "-" + m.Adapter }

// MeasuredModels lists them in the order of every report, where they stand behind the adapters.
func (in PipelineInput) MeasuredModels() []MeasuredModel {
	var list []MeasuredModel
	add := func(made AdapterName, rules GateRules, adapters []AdapterName) {
		for _, adapter := range adapters {
			if !rules.IsZero() {
				list = append(list, MeasuredModel{made, adapter, rules})
			}
		}
	}
	if !in.Merge.IsZero() {
		add(ModelMerged, in.Merge.Gates, in.Merge.Adapters)
	}
	if !in.Distill.IsZero() {
		add(ModelStudent, in.Distill.Gates, in.Distill.Adapters)
	}
	return list
}

// CheckMeasured refuses names that stand for two things, and an adapter that is named twice for one model.
func (in PipelineInput) CheckMeasured() error {
	seen := make(map[AdapterName]bool)
	for _, m := range in.MeasuredModels() {
		if err := in.refuseNames(m.Name()); err != nil {
			return err
		}
		if seen[m.Name()] {
			return fault.New(fault.Invalid, "adapter %s is there twice for the %s model, which is measured once for each, expected every name once", m.Adapter, m.Made)
		}
		seen[m.Name()] = true
	}
	return nil
}

// MergedGateRules are those of a merged model where the pipeline file says nothing: nothing need be better than the base.
func MergedGateRules() GateRules {
	rules := DefaultGateRules()
	rules.Target = TargetNone
	return rules
}

// StudentGateRules are those of a student: a smaller model's loss lies above its base's. Beyond one nat, a perplexity e times as high, it
// has not learnt to speak.
func StudentGateRules() GateRules {
	rules := MergedGateRules()
	rules.Margins.Loss = 1
	return rules
}
