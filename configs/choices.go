package configs

import "elara/spec"

// choiceSetKeys is the table of one entry of evaluate.choices.
func choiceSetKeys(s *spec.ChoiceSet) *section {
	return &section{keys: []key{
		choice("form", &s.Form, "", spec.ChoiceForms(), "medqa, medmcqa, pubmedqa: the published files; generic: {id, question, choices, answer} lines, whose letters are scored; cloze: such lines, whose choices' texts are scored and not shown.").require(),
		path("path", &s.Path, "", "JSONL file that the control worker can read.").showDefault("the project's own questions, for generic and cloze"),
		integer("max_items", &s.MaxItems, 0, 0, 1_000_000, "The first so many questions; 0: all."),
	}}
}

// readChoiceSet reads one entry of evaluate.choices.
func (r *pipelineReader) readChoiceSet(index int, n *node) error {
	var set spec.ChoiceSet
	path := listPath("evaluate.choices", index)
	if err := choiceSetKeys(&set).decode(n, path); err != nil {
		return err
	}
	if err := set.Check(); err != nil {
		return n.origin.errorf("%s: %w", path, err)
	}
	for _, other := range r.pipeline.Input.Evaluate.Choices {
		if other.Name() == set.Name() {
			return n.origin.errorf("%s: a second set is called %q, expected every name once", path, set.Name())
		}
	}
	r.pipeline.Input.Evaluate.Choices = append(r.pipeline.Input.Evaluate.Choices, set)
	return nil
}

// settleChoices refuses gates that ask for more of what is not measured.
func (r *pipelineReader) settleChoices(tree *node) error {
	in := &r.pipeline.Input
	measured := func(path string, rules spec.GateRules) error {
		if rules.Target == spec.MetricChoice && len(in.Evaluate.Choices) == 0 {
			return tree.place("evaluate", "choices").errorf("%s.gates.target: choice, but evaluate.choices names no questions", path)
		}
		if rules.Target == spec.MetricRelevanceGain && in.Evaluate.OtherQuestions == 0 {
			return tree.place("evaluate", "other_questions").errorf("%s.gates.target: relevance_gain, but evaluate.other_questions is 0", path)
		}
		return nil
	}
	for i, adapter := range in.Adapters {
		if err := measured(listPath("adapters", i), adapter.Gates); err != nil {
			return err
		}
	}
	if err := measured("merge", in.Merge.Gates); err != nil {
		return err
	}
	return measured("distill", in.Distill.Gates)
}
