package activities

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/tests/toy"
)

// mergeInput is a merge of two adapters, in two ways, whose materials lie in the store.
func mergeInput(t *testing.T, r *room) spec.MergeInput {
	t.Helper()
	in := spec.MergeInput{
		Run: "run-1", Base: r.publish(t, spec.KindBaseModel, map[string]string{"config.json": "{}", "model.safetensors": "base"}), MaxLength: 64,
		Plan: spec.MergePlan{
			Adapters: []spec.AdapterName{"one", "two"}, Into: spec.IntoAdapter, DType: "float32", MaxRows: 2,
			Candidates: []spec.MergeMethod{
				{Name: "worse", CombinationType: spec.CombineCat, Weights: []float64{2, 2}},
				{Name: "better", CombinationType: spec.CombineSVD, Weights: []float64{1, 1}},
			},
		},
	}
	for _, name := range in.Plan.Adapters {
		in.Adapters = append(in.Adapters, spec.MergeTarget{
			Name:    name,
			Adapter: r.publish(t, spec.KindAdapter, map[string]string{toy.WeightsFile: string(name)}),
			Dataset: r.publish(t, spec.KindDataset, map[string]string{trainFile: "", evalFile: `{"text":"1"}` + "\n" + `{"text":"2"}` + "\n" + `{"text":"3 ` + string(name) + `"}`}),
		})
	}
	return in
}

func TestMergeIsPublishedWithWhatItWasMadeOfAndFoundAgain(t *testing.T) {
	r := newRoom(t)
	in := mergeInput(t, r)
	require.Empty(t, do(t, r, r.control.FindMerged, in).Unchanged)
	made := do(t, r, r.device.MergeAdapters, in)
	require.Equal(t, "better", made.Candidates[0].Method.Name)
	require.Equal(t, made.Candidates[0].Ref, made.Best)
	require.Equal(t, int64(4), made.Candidates[0].Rows, "two rows of each adapter")
	require.Equal(t, "svdonetwo", r.read(t, made.Best, toy.WeightsFile))
	manifest, err := artifact.Load(t.Context(), r.store, made.Best)
	require.NoError(t, err)
	require.Equal(t, spec.KindAdapter, manifest.Kind)
	require.ElementsMatch(t, []spec.Digest{in.Base.Digest, in.Adapters[0].Adapter.Digest, in.Adapters[1].Adapter.Digest}, manifest.Inputs)
	var ranking spec.MergeOutcome
	require.NoError(t, json.Unmarshal([]byte(r.read(t, made.Report, rankingFile)), &ranking))
	require.Equal(t, made.Candidates, ranking.Candidates)

	in.Run = "run-2" // no part of what a merge is
	found := do(t, r, r.control.FindMerged, in)
	require.NotEmpty(t, found.Unchanged)
	require.Equal(t, made.Best, found.Best)
	in.Plan.Candidates[0].Weights[0] = 3
	require.Empty(t, do(t, r, r.control.FindMerged, in).Unchanged)
}

func TestHeldOutRowsThatCannotBeReadEndTheMerge(t *testing.T) {
	r := newRoom(t)
	in := mergeInput(t, r)
	in.Adapters[1].Dataset = r.publish(t, spec.KindDataset, map[string]string{trainFile: "", evalFile: `{"text":"1"}` + "\n" + `{"text":`})
	_, err := try(t, r, r.device.MergeAdapters, in)
	kind, _ := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.ErrorContains(t, err, "eval.jsonl:2")
}

func TestMergeIntoTheBaseIsABaseModel(t *testing.T) {
	r := newRoom(t)
	in := mergeInput(t, r)
	in.Plan.Into = spec.IntoBase
	require.Equal(t, spec.KindBaseModel, do(t, r, r.device.MergeAdapters, in).Best.Kind)
}
