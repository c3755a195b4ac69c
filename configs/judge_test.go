package configs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

func TestWhoIsAskedForAnOpinion(t *testing.T) {
	withoutVariables(t)
	load := func(judge string) (spec.JudgePlan, error) {
		p, err := LoadPipeline(write(t, "p.yaml", smallPipeline+"evaluate: {"+judge+"}\n"), nil)
		return p.Input.Evaluate.Judge, err
	}
	plan, err := load("judge: {url: http://127.0.0.1:8000/v1, model: large}")
	require.NoError(t, err)
	require.Equal(t, spec.JudgePlan{URL: "http://127.0.0.1:8000/v1", Model: "large", MaxPairs: 100, Timeout: 60, Retries: 3}, plan)
	plan, err = load("max_rows: 3")
	require.NoError(t, err)
	require.True(t, plan.IsZero())

	_, err = load("judge: {retries: 1}")
	require.ErrorContains(t, err, "evaluate.judge: url: expected an http or https address without a password")
	_, err = load("judge: {url: http://a}")
	require.ErrorContains(t, err, "evaluate.judge: model: missing, expected its name")
	_, err = load("judge: {url: http://person:secret@a, model: m}")
	require.ErrorContains(t, err, "p.yaml:19: evaluate.judge: url: expected an http or https address without a password")
	require.NotContains(t, err.Error(), "secret")
}
