package configs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

const mergingPipeline = smallPipeline + `merge:
  candidates:
    - {name: sum, combination_type: cat, weights: [0.7, 1]}
    - {name: elected, combination_type: ties, weights: [1, 1], density: 0.5}
`

func TestPipelineWithAMergeHasAPlanForIt(t *testing.T) {
	withoutVariables(t)
	p, err := LoadPipeline(write(t, "p.yaml", mergingPipeline), nil)
	require.NoError(t, err)
	got := p.Input.Merge
	require.Equal(t, []spec.AdapterName{"patient", "urgent"}, got.Adapters, "all adapters of the file")
	require.Equal(t, []any{spec.IntoAdapter, "float32", int64(42), 200, "cpu"}, []any{got.Into, got.DType, got.Seed, got.MaxRows, got.Device})
	require.Equal(t, []spec.MergeMethod{
		{Name: "sum", CombinationType: spec.CombineCat, Weights: []float64{0.7, 1}},
		{Name: "elected", CombinationType: spec.CombineTies, Weights: []float64{1, 1}, Density: 0.5, MajoritySignMethod: spec.SignTotal},
	}, got.Candidates)
	p, err = LoadPipeline(write(t, "p.yaml", smallPipeline), nil)
	require.NoError(t, err)
	require.Zero(t, p.Input.Merge, "without the block there is no such stage")
}

func TestBadMergeIsRefusedWithThePlace(t *testing.T) {
	withoutVariables(t)
	for block, want := range map[string]string{
		"  into: adapter": "p.yaml:19: merge.candidates: missing, expected a list of blocks",
		"  candidates: [{name: a, combination_type: slerp, weights: [1, 1]}]":                                                             `p.yaml:20: merge.candidates[0].combination_type: expected one of linear, cat, svd, ties, ties_svd, dare_linear, dare_ties, dare_linear_svd, dare_ties_svd, magnitude_prune, magnitude_prune_svd, found the text "slerp"`,
		"  candidates: [{name: a, combination_type: cat, weights: [1]}]":                                                                  "p.yaml:20: merge.candidates[0].weights: has 1 numbers, expected 2, one for each adapter",
		"  candidates: [{name: a, combination_type: ties, weights: [1, 1], density: 1.5}]":                                                "p.yaml:20: merge.candidates[0].density: expected a number above 0 and at most 1, found 1.5",
		"  candidates: [{name: a, combination_type: ties, weights: [1, 1]}]":                                                              "p.yaml:20: merge.candidates[0].density: is 0, expected a share above 0 and at most 1 with ties",
		"  candidates: [{name: a, combination_type: cat, weights: [1, 1], density: 0.5}]":                                                 "p.yaml:20: merge.candidates[0].density: is given with cat, which prunes nothing",
		"  candidates: [{name: a, combination_type: cat, weights: [1, 1], svd_driver: gesvd}]":                                            `p.yaml:20: merge.candidates[].svd_driver: unknown key`,
		"  candidates: [{name: a, combination_type: cat, weights: [x, 1]}]":                                                               `p.yaml:20: weights[0]: expected a number from -100 to 100, found the text "x"`,
		"  adapters: [patient, nobody]\n  candidates: [{name: a, combination_type: cat, weights: [1, 1]}]":                                `merge: no adapter is named "nobody"`,
		"  dtype: bfloat16\n  candidates: [{name: a, combination_type: cat, weights: [1, 1]}]":                                            "p.yaml:20: merge.dtype: is bfloat16, but a merged adapter is float32",
		"  candidates:\n    - {name: a, combination_type: cat, weights: [1, 1]}\n    - {name: a, combination_type: svd, weights: [1, 1]}": `p.yaml:22: merge.candidates[1].name: a second candidate is named "a", expected every name once`,
	} {
		_, err := LoadPipeline(write(t, "p.yaml", smallPipeline+"merge:\n"+block+"\n"), nil)
		require.ErrorContains(t, err, want, block)
	}
}

func TestMergeFileIsReadWithPathsRelativeToIt(t *testing.T) {
	path := write(t, "merge.json", `{"base_model": "base", "adapters": [{"name": "a", "path": "one"}, {"name": "b", "path": "two"}], "into": "base", "dtype": "bfloat16",
		"output_dir": "out", "candidates": [{"name": "x", "combination_type": "dare_ties", "weights": [0.5, -0.5], "density": 0.7, "majority_sign_method": "frequency"}]}`)
	_, _, err := LoadMergeJob(path)
	require.ErrorContains(t, err, "merge.json:1: base_model: ")
	dir := filepath.Dir(path)
	for _, name := range []string{"base", "one"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	_, _, err = LoadMergeJob(path)
	require.ErrorContains(t, err, "merge.json:1: adapters[1].path: ")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "two"), 0o755))
	job, warnings, err := LoadMergeJob(path)
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, spec.MergeJob{
		BaseModel: filepath.Join(dir, "base"), Adapters: []spec.MergeAdapter{{Name: "a", Path: filepath.Join(dir, "one")}, {Name: "b", Path: filepath.Join(dir, "two")}},
		Into: spec.IntoBase, DType: "bfloat16", OutputDir: filepath.Join(dir, "out"), Seed: 42, MaxLength: 512,
		Candidates: []spec.MergeMethod{{Name: "x", CombinationType: spec.CombineDareTies, Weights: []float64{0.5, -0.5}, Density: 0.7, MajoritySignMethod: spec.SignFrequency}},
	}, job)
}

func TestEveryKeyOfACandidateIsRead(t *testing.T) {
	base := map[string]any{"name": "a", "combination_type": "svd", "weights": []any{1}}
	prove(t, candidateKeys(&spec.MergeMethod{}), base, func(doc map[string]any) (any, error) {
		var list []spec.MergeMethod
		if err := readCandidate(0, tree(t, doc, "/d"), "candidates", &list); err != nil {
			return nil, err
		}
		return list[0], nil
	})
}

func TestEveryKeyOfAMergeFileIsRead(t *testing.T) {
	base := map[string]any{
		"base_model": "b", "output_dir": "o", "into": "base", "adapters": []any{map[string]any{"name": "a", "path": "p"}},
		"candidates": []any{map[string]any{"name": "c", "combination_type": "cat", "weights": []any{1}}},
	}
	prove(t, mergeJobKeys(&spec.MergeJob{}), base, func(doc map[string]any) (any, error) {
		job, _, err := readMergeJob(tree(t, doc, "/d"))
		return job, err
	}, ".Adapters[].Name", ".Adapters[].Path", ".Candidates[].Name", ".Candidates[].CombinationType", ".Candidates[].Weights", ".Candidates[].Density",
		".Candidates[].MajoritySignMethod", ".Candidates[].SVDRank", ".Candidates[].SVDClamp") // proven by the tests above
}
