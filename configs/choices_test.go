package configs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

func TestEveryKeyOfAChoiceSetIsRead(t *testing.T) {
	prove(t, choiceSetKeys(&spec.ChoiceSet{}), map[string]any{"form": "generic", "path": "q.jsonl"}, func(doc map[string]any) (any, error) {
		reader := &pipelineReader{}
		if err := reader.readChoiceSet(0, tree(t, doc, "/d")); err != nil {
			return nil, err
		}
		return reader.pipeline.Input.Evaluate.Choices[0], nil
	})
}

func TestSetsOfMultipleChoiceAreRead(t *testing.T) {
	load := func(more string) (Pipeline, error) { return LoadPipeline(write(t, "p.yaml", smallPipeline+more), nil) }
	p, err := load("evaluate:\n  choices:\n    - {form: cloze}\n    - {form: medqa, path: /q/test.jsonl, max_items: 5}\n")
	require.NoError(t, err)
	require.Equal(t, []spec.ChoiceSet{{Form: spec.ChoiceCloze}, {Form: spec.ChoiceMedQA, Path: "/q/test.jsonl", MaxItems: 5}}, p.Input.Evaluate.Choices)
	for more, want := range map[string]string{
		"evaluate: {choices: [{form: medqa}]}":                  "evaluate.choices[0]: form medqa without a path: the own questions come as generic or cloze",
		"evaluate: {choices: [{form: arc, path: a}]}":           `evaluate.choices[0].form: expected one of medqa, medmcqa, pubmedqa, generic, cloze, found the text "arc"`,
		"evaluate: {choices: [{path: a}]}":                      "evaluate.choices[0].form: missing",
		"evaluate: {choices: [{form: cloze}, {form: cloze}]}":   `evaluate.choices[1]: a second set is called "own, cloze", expected every name once`,
		"    gates: {target: choice}":                           "adapters[1].gates.target: choice, but evaluate.choices names no questions",
		"    gates: {target: relevance_gain}":                   "adapters[1].gates.target: relevance_gain, but evaluate.other_questions is 0",
		"evaluate: {choices: [{form: generic, max_items: -1}]}": "evaluate.choices[0].max_items: expected a whole number from 0 to 1000000, found -1",
	} {
		_, err := load(more + "\n")
		require.Error(t, err, more)
		require.True(t, strings.Contains(err.Error(), want), "%s: %v", more, err)
	}
}
