package activities

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"elara/data/preference"
	"elara/scoring/choice"
	"elara/scoring/gates"
	"elara/scoring/measure"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// choicesFile is the file of an artifact of multiple-choice questions, a spec.ChoiceItem a line, and of a measurement, a choiceAnswer
// a line.
const choicesFile = "choices.jsonl"

// CollectChoices freezes the multiple-choice questions that the sets of a plan mean now.
func (c *Control) CollectChoices(ctx context.Context, in spec.EvaluateInput) (spec.ArtifactRef, error) {
	return run(ctx, c.Instruments, spec.StageEvaluate, in, c.collectChoices)
}

func (c *Control) collectChoices(ctx context.Context, in spec.EvaluateInput) (spec.ArtifactRef, error) {
	items, err := loadChoices(in.Plan.Choices)
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	var lines bytes.Buffer
	if err := preference.WriteLines(&lines, items); err != nil {
		return spec.ArtifactRef{}, err
	}
	ref, err := artifact.PublishBytes(ctx, c.Store, spec.KindPrompts, map[string][]byte{choicesFile: lines.Bytes()}, nil, nil)
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	return spared(ctx, c.Store, choicesStage, ref, ref)
}

// loadChoices reads the questions of some sets, one set after the other.
func loadChoices(sets []spec.ChoiceSet) ([]spec.ChoiceItem, error) {
	var all []spec.ChoiceItem
	for _, set := range sets {
		items, err := choice.Load(set)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return all, nil
}

// choiceAnswer is a multiple-choice question, answered twice.
type choiceAnswer struct {
	spec.ChoiceItem
	Base    []spec.Likelihood `json:"base"` // of each choice
	Adapter []spec.Likelihood `json:"adapter"`
}

// answeredChoices puts what the engine gave beside what was asked.
func answeredChoices(asked []spec.ChoiceItem, outcome spec.EvaluateOutcome) ([]choiceAnswer, error) {
	if len(outcome.BaseChoices) != len(asked) || len(outcome.AdapterChoices) != len(asked) {
		return nil, fmt.Errorf("%d and %d answers to %d multiple-choice questions", len(outcome.BaseChoices), len(outcome.AdapterChoices), len(asked))
	}
	var all []choiceAnswer
	for i, item := range asked {
		all = append(all, choiceAnswer{ChoiceItem: item, Base: outcome.BaseChoices[i], Adapter: outcome.AdapterChoices[i]})
	}
	return all, nil
}

func baseOf(a choiceAnswer) []spec.Likelihood    { return a.Base }
func adapterOf(a choiceAnswer) []spec.Likelihood { return a.Adapter }

// scoreChoices scores answers of one of the models.
func scoreChoices(answers []choiceAnswer, given func(choiceAnswer) []spec.Likelihood) (choice.Result, error) {
	items, likelihoods := make([]spec.ChoiceItem, len(answers)), make([][]spec.Likelihood, len(answers))
	for i, a := range answers {
		items[i], likelihoods[i] = a.ChoiceItem, given(a)
	}
	return choice.Score(items, likelihoods)
}

// choiceScores is what base and adapter get right of each set, in the order in which the sets stand.
func choiceScores(answers []choiceAnswer) ([]spec.ChoiceScore, error) {
	var scores []spec.ChoiceScore
	for len(answers) > 0 {
		set := answers[0].Set
		n := slices.IndexFunc(answers, func(a choiceAnswer) bool { return a.Set != set })
		if n < 0 {
			n = len(answers)
		}
		base, err := scoreChoices(answers[:n], baseOf)
		if err != nil {
			return nil, err
		}
		adapter, err := scoreChoices(answers[:n], adapterOf)
		if err != nil {
			return nil, err
		}
		share := func(acc float64) spec.Estimate { return measure.Share(int(math.Round(acc*float64(n))), n).Estimate() }
		scores = append(scores, spec.ChoiceScore{
			Set: set, Items: n, Chance: base.Chance,
			BaseAcc: share(base.Acc), Acc: share(adapter.Acc), BaseAccNorm: share(base.AccNorm), AccNorm: share(adapter.AccNorm),
		})
		answers = answers[n:]
	}
	return scores, nil
}

// choiceSample is which questions two models got right. A question that stands in several sets is one case.
func choiceSample(old, now side) (gates.Sample, error) {
	sample := gates.Sample{Metric: spec.MetricChoice, IsYesNo: true}
	same := func(a, b choiceAnswer) bool { return a.Set == b.Set && a.ID == b.ID && a.Prompt == b.Prompt }
	if !slices.EqualFunc(old.choices, now.choices, same) {
		return sample, fault.New(fault.Invalid, "the reports are on %d and %d multiple-choice questions; expected the same", len(old.choices), len(now.choices))
	}
	was, err := scoreChoices(old.choices, old.chosen)
	if err != nil {
		return sample, err
	}
	is, err := scoreChoices(now.choices, now.chosen)
	if err != nil {
		return sample, err
	}
	worth := map[bool]float64{true: 1}
	for i, answer := range now.choices {
		sample.Old, sample.New, sample.Clusters = append(sample.Old, worth[was.Right[i]]), append(sample.New, worth[is.Right[i]]), append(sample.Clusters, answer.ID)
	}
	return sample, nil
}

// readChoices reads the multiple-choice questions of an artifact.
func readChoices(ctx context.Context, store storage.Store, ref spec.ArtifactRef) ([]spec.ChoiceItem, error) {
	return readLines[spec.ChoiceItem]("questions "+ref.Digest.Short(), choicesFile, func(name string) ([]byte, error) { return artifact.ReadFile(ctx, store, ref, name) })
}

// choiceTable is Markdown.
func choiceTable(scores []spec.ChoiceScore) string {
	var b strings.Builder
	b.WriteString("| set | questions | chance | acc of the base | acc | acc_norm of the base | acc_norm |\n|---|---:|---:|---|---|---|---|\n")
	for _, s := range scores {
		fmt.Fprintf(&b, "| %s | %d | %.3f | %s | %s | %s | %s |\n", s.Set, s.Items, s.Chance, s.BaseAcc.Text(), s.Acc.Text(), s.BaseAccNorm.Text(), s.AccNorm.Text())
	}
	return b.String()
}
