package spec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// A pipeline and a job that no file was read for are held to the same rules as those of files.
func TestMergeThatContradictsItselfIsRefused(t *testing.T) {
	for want, change := range map[string]func(p *spec.MergePlan){
		"adapters: names none":                                          func(p *spec.MergePlan) { p.Adapters = nil },
		`into: is "", expected `:                                        func(p *spec.MergePlan) { p.Into = "" },
		`dtype: is "float16"`:                                           func(p *spec.MergePlan) { p.DType = "float16" },
		"dtype: is bfloat16, but a merged adapter is float32":           func(p *spec.MergePlan) { p.DType = "bfloat16" },
		"candidates[0].weights: has 1 numbers, expected 2":              func(p *spec.MergePlan) { p.Candidates[0].Weights = []float64{1} },
		`candidates[0].name: run ID "../a": expected`:                   func(p *spec.MergePlan) { p.Candidates[0].Name = "../a" },
		`candidates[1].name: a second candidate is named "a", expected`: func(p *spec.MergePlan) { p.Candidates[1].Name = "a" },
	} {
		p := spec.MergePlan{
			Adapters: []spec.AdapterName{"one", "two"}, Into: spec.IntoAdapter, DType: "float32",
			Candidates: []spec.MergeMethod{
				{Name: "a", CombinationType: spec.CombineCat, Weights: []float64{1, 1}},
				{Name: "b", CombinationType: spec.CombineSVD, Weights: []float64{1, 1}},
			},
		}
		in := spec.PipelineInput{Merge: p, Adapters: []spec.AdapterPlan{{Name: "one"}, {Name: "two"}}}
		require.NoError(t, in.CheckMerge())
		change(&in.Merge)
		err := in.CheckMerge()
		require.ErrorContains(t, err, "merge: "+want)
		require.True(t, fault.Is(err, fault.Invalid))
		job := spec.MergeJob{Into: in.Merge.Into, DType: in.Merge.DType, Candidates: in.Merge.Candidates}
		for range in.Merge.Adapters {
			job.Adapters = append(job.Adapters, spec.MergeAdapter{})
		}
		key, err := job.Check()
		require.ErrorContains(t, err, want[len(key)+len(": "):], want)
	}
	_, err := spec.MergeJob{Adapters: []spec.MergeAdapter{{}}, Into: spec.IntoBase, DType: "bfloat16"}.Check()
	require.ErrorContains(t, err, "expected at least one way to merge")
}
