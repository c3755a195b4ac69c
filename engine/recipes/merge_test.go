//go:build torch

package recipes

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/merge"
	"elara/spec"
	"elara/spec/fault"
)

// mergeJob merges two adapters that were trained on the tiny model with two seeds, into one.
func mergeJob(t *testing.T, r *Runner) spec.MergeJob {
	t.Helper()
	base := tinyModel(t, r)
	job := spec.MergeJob{
		BaseModel: base, Into: spec.IntoAdapter, DType: "float32", OutputDir: filepath.Join(t.TempDir(), "merged"), Seed: 42,
		Candidates: []spec.MergeMethod{
			{Name: "against", CombinationType: spec.CombineCat, Weights: []float64{-3, -3}},
			{Name: "sum", CombinationType: spec.CombineCat, Weights: []float64{0.5, 0.5}},
		},
		EvalDataPath: textsFile(t, questions[:3]...), MaxLength: 64,
	}
	for seed, name := range []string{"one", "two"} {
		train := smallJob(t, base)
		train.Args.Seed = int64(seed)
		trained(t, r, train)
		job.Adapters = append(job.Adapters, spec.MergeAdapter{Name: name, Path: train.OutputDir})
	}
	return job
}

func readJSON(t *testing.T, into any, path ...string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, into))
}

func TestCandidatesAreCertifiedMeasuredAndRanked(t *testing.T) {
	r := newRunner(t)
	job := mergeJob(t, r)
	var last spec.Progress
	live, unmeasured := r.Engine.Live(), job
	unmeasured.EvalDataPath, unmeasured.OutputDir = "", job.OutputDir+"-unmeasured"
	_, err := r.Merge(t.Context(), unmeasured, func(spec.Progress) {})
	require.NoError(t, err)
	require.Equal(t, live, r.Engine.Live(), "tensors that outlive the merge")
	out, err := r.Merge(t.Context(), job, func(p spec.Progress) { last = p })
	require.NoError(t, err)
	require.Equal(t, last.TotalSteps, last.Step)
	require.Positive(t, last.Step)
	require.Equal(t, []string{"sum", "against"}, []string{out.Candidates[0].Method.Name, out.Candidates[1].Method.Name}, "the lowest loss first")
	for _, c := range out.Candidates {
		require.Equal(t, int64(3), c.Rows)
		var total float64
		for _, loss := range out.RowNLL[c.Method.Name] {
			total += loss
		}
		require.InDelta(t, c.NLL, total, 1e-9)
		var certificate merge.Certificate
		readJSON(t, &certificate, job.OutputDir, c.Method.Name, certificateFile)
		require.True(t, certificate.Holds)
		require.Equal(t, merge.AgainstLive, certificate.Against)
		require.Less(t, certificate.Reloaded.MaxDifference, 1e-4)
		require.Len(t, certificate.Files, 1)
		card, err := os.ReadFile(filepath.Join(job.OutputDir, c.Method.Name, "README.md"))
		require.NoError(t, err)
		require.Contains(t, string(card), "## Certificate")
	}
	var ranking spec.MergeOutcome
	readJSON(t, &ranking, job.OutputDir, rankingFile)
	require.Equal(t, out, ranking)

	// What evaluation says of the folder is what the merge said of it.
	evaluated, err := r.Evaluate(t.Context(), spec.EvaluateJob{
		BaseModel: job.BaseModel, Adapter: filepath.Join(job.OutputDir, "sum"), EvalDataPath: job.EvalDataPath, MaxLength: 64, MaxNewTokens: 1,
	}, func(spec.Progress) {})
	require.NoError(t, err)
	require.InDelta(t, out.Candidates[0].NLL, evaluated.AdapterNLL, 1e-3)
}

func TestMergedBaseSaysWhatTheLiveAdaptersSay(t *testing.T) {
	r := newRunner(t)
	job := mergeJob(t, r)
	one := spec.MergeJob{
		BaseModel: job.BaseModel, Adapters: job.Adapters[:1], Into: spec.IntoBase, DType: "float32", OutputDir: job.OutputDir,
		Candidates: []spec.MergeMethod{{Name: "itself", CombinationType: spec.CombineTies, Density: 0.5, MajoritySignMethod: spec.SignTotal, Weights: []float64{1}}},
	}
	_, err := r.Merge(t.Context(), one, func(spec.Progress) {})
	require.NoError(t, err)
	var live, merged []Scored
	require.NoError(t, r.Score(t.Context(), job.BaseModel, job.Adapters[0].Path, questions, func(s Scored) error { live = append(live, s); return nil }))
	require.NoError(t, r.Score(t.Context(), filepath.Join(job.OutputDir, "itself"), "", questions, func(s Scored) error { merged = append(merged, s); return nil }))
	for i := range live {
		require.Equal(t, live[i].IDs, merged[i].IDs)
		require.InDeltaSlice(t, live[i].LogProbs, merged[i].LogProbs, 1e-4)
	}

	one.DType, one.OutputDir = "bfloat16", one.OutputDir+"-half"
	_, err = r.Merge(t.Context(), one, func(spec.Progress) {})
	require.NoError(t, err)
	var certificate merge.Certificate
	readJSON(t, &certificate, one.OutputDir, "itself", certificateFile)
	require.Greater(t, certificate.Bound, 1e-4)
	require.Equal(t, merge.AgainstLive, certificate.Against)
}

// A model in the place of the base with an adapter is measured as they are, beside the same base.
func TestModelIsEvaluatedBesideTheBase(t *testing.T) {
	r := newRunner(t)
	merging := mergeJob(t, r)
	held := merging.EvalDataPath
	merging.Adapters, merging.Into, merging.EvalDataPath = merging.Adapters[:1], spec.IntoBase, ""
	merging.Candidates = []spec.MergeMethod{{Name: "itself", CombinationType: spec.CombineCat, Weights: []float64{1}}}
	_, err := r.Merge(t.Context(), merging, func(spec.Progress) {})
	require.NoError(t, err)
	job := spec.EvaluateJob{
		BaseModel: merging.BaseModel, Adapter: merging.Adapters[0].Path, EvalDataPath: held, MaxLength: 64, MaxNewTokens: 6,
		Prompts: []string{"What is", "Can"}, OtherQuestions: 1, Choices: []spec.ChoiceItem{{ID: "one", Prompt: "Is it", Choices: []string{" so", " not"}}},
	}
	live, err := r.Evaluate(t.Context(), job, func(spec.Progress) {})
	require.NoError(t, err)
	require.NotEqual(t, live.BaseNLL, live.AdapterNLL)

	job.Adapter, job.Model = "", filepath.Join(merging.OutputDir, "itself")
	steps, total := int64(0), int64(0)
	model, err := r.Evaluate(t.Context(), job, func(p spec.Progress) { steps, total = p.Step, p.TotalSteps })
	require.NoError(t, err)
	require.Equal(t, total, steps)
	require.Equal(t, []any{live.Rows, live.Tokens, live.BaseNLL, live.BaseAnswers, live.BaseChoices, live.BaseGains},
		[]any{model.Rows, model.Tokens, model.BaseNLL, model.BaseAnswers, model.BaseChoices, model.BaseGains})
	require.InDelta(t, live.AdapterNLL, model.AdapterNLL, 1e-3)
	require.Equal(t, live.AdapterAnswers, model.AdapterAnswers)
	require.InDelta(t, live.AdapterChoices[0][1].Sum, model.AdapterChoices[0][1].Sum, 1e-4)
	require.InDeltaSlice(t, live.AdapterGains, model.AdapterGains, 1e-6)
	for i, row := range model.Items {
		require.InDelta(t, live.Items[i].AdapterNLL, row.AdapterNLL, 1e-3)
	}

	alone := job
	alone.Model = job.BaseModel
	itself, err := r.Evaluate(t.Context(), alone, func(spec.Progress) {})
	require.NoError(t, err)
	require.Equal(t, []any{itself.BaseNLL, itself.BaseAnswers}, []any{itself.AdapterNLL, itself.AdapterAnswers}, "the base is as good as itself")

	alone.AddPadToken = true
	_, err = r.Evaluate(t.Context(), alone, func(spec.Progress) {})
	require.ErrorContains(t, err, "expected the base's")
	var config map[string]any
	readJSON(t, &config, job.Model, "config.json")
	config["max_position_embeddings"] = 16
	text, err := json.Marshal(config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(job.Model, "config.json"), text, 0o600))
	short, err := r.Evaluate(t.Context(), job, func(spec.Progress) {})
	require.NoError(t, err)
	require.Less(t, short.Tokens, live.Tokens)
	for _, row := range short.Items {
		require.LessOrEqual(t, row.Tokens, int64(15), "both take what both have positions for")
	}
}

// Weights that overflow float32 give logits that are no numbers: nothing can be said of such a model.
func TestMergeWithoutACertificateHasNoName(t *testing.T) {
	r := newRunner(t)
	job := mergeJob(t, r)
	job.Candidates[1].Weights = []float64{1e38, 1e38}
	_, err := r.Merge(t.Context(), job, func(spec.Progress) {})
	require.ErrorContains(t, err, "merge sum has no certificate and is not published")
	require.Equal(t, fault.Corrupt, fault.KindOf(err))
	require.NoDirExists(t, job.OutputDir, "the candidate before it has no name either")
}

func TestRefusedMergeLeavesNothing(t *testing.T) {
	r := newRunner(t)
	good := mergeJob(t, r)
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.CopyFS(other, os.DirFS(good.Adapters[1].Path)))
	config, err := os.ReadFile(filepath.Join(other, "adapter_config.json"))
	require.NoError(t, err)
	for what, want := range map[string]string{
		"another base": `adapter two was trained over "elsewhere", one over "tiny": expected adapters of one base`,
		"a NaN":        "is no finite number",
		"a method":     `candidates[0].combination_type: is "slerp"`,
		"no fit":       "adapter of another base",
		"there":        "is there already, expected a new folder",
	} {
		job := good
		job.Adapters = []spec.MergeAdapter{good.Adapters[0], {Name: "two", Path: other}}
		job.Candidates = append([]spec.MergeMethod{}, good.Candidates...)
		job.OutputDir = filepath.Join(t.TempDir(), "out")
		changed := map[string]any{}
		require.NoError(t, json.Unmarshal(config, &changed))
		weights, err := os.ReadFile(filepath.Join(good.Adapters[1].Path, "adapter_model.safetensors"))
		require.NoError(t, err)
		var left []string
		switch what {
		case "another base":
			changed["base_model_name_or_path"] = "elsewhere"
		case "a NaN":
			weights = append(weights[:len(weights)-4], 0, 0, 0xc0, 0x7f) // the last element of the file
		case "a method":
			job.Candidates[0].CombinationType = "slerp"
		case "no fit":
			changed["r"] = 3
		case "there":
			require.NoError(t, os.MkdirAll(filepath.Join(job.OutputDir, "sum"), 0o755))
			left = []string{"sum"}
		}
		text, err := json.Marshal(changed)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(other, "adapter_config.json"), text, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(other, "adapter_model.safetensors"), weights, 0o644))
		_, err = r.Merge(t.Context(), job, func(spec.Progress) {})
		require.ErrorContains(t, err, want, what)
		require.Equal(t, fault.Invalid, fault.KindOf(err), what)
		entries, err := os.ReadDir(filepath.Dir(job.OutputDir))
		require.NoError(t, err)
		require.LessOrEqual(t, len(entries), len(left), "%s leaves a folder", what)
	}
}
