//go:build torch

package recipes

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/choice"
	"elara/spec"
)

// goldenChoice is testdata/choice.json, which tests/peer/choice/golden.py computes with lm-evaluation-harness.
type goldenChoice struct {
	Files  map[spec.ChoiceForm][]string                `json:"files"` // lines of a file of each form
	Models map[string]map[spec.ChoiceForm]harnessScore `json:"models"`
}

type harnessScore struct {
	Results map[string]float64 `json:"results"`
	Items   [][]float64        `json:"items"` // log-likelihood of each choice
}

func TestChoicesAreScoredAsTheHarnessDoes(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "choice.json"))
	require.NoError(t, err)
	var want goldenChoice
	require.NoError(t, json.Unmarshal(data, &want))
	models := readGolden(t).Models
	for _, name := range []string{"llama", "gpt2"} {
		r := newRunner(t)
		dir := formulaModel(t, r, models[name], 1)
		for _, form := range spec.ChoiceForms() {
			t.Run(name+", "+string(form), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), string(form)+".jsonl")
				require.NoError(t, os.WriteFile(file, []byte(strings.Join(want.Files[form], "\n")), 0o600))
				items, err := choice.Read(form, file)
				require.NoError(t, err)
				got, err := r.Choose(t.Context(), dir, "", items)
				require.NoError(t, err)
				peer := want.Models[name][form]
				require.Len(t, got, len(peer.Items))
				for i, item := range got {
					require.Len(t, item, len(peer.Items[i]))
					for c, l := range item {
						require.InDelta(t, peer.Items[i][c], l.Sum, 1e-4, "item %s, choice %d", items[i].ID, c)
					}
				}
				result, err := choice.Score(items, got)
				require.NoError(t, err)
				require.InDelta(t, peer.Results["acc"], result.Acc, 1e-9)
				require.InDelta(t, peer.Results["acc_stderr"], result.AccStandardError, 1e-9)
				if norm, measured := peer.Results["acc_norm"]; measured { // pubmedqa has none
					require.InDelta(t, norm, result.AccNorm, 1e-9)
					require.InDelta(t, peer.Results["acc_norm_stderr"], result.AccNormStandardError, 1e-9)
				}
				if bytes, measured := peer.Results["acc_bytes"]; measured {
					require.InDelta(t, bytes, result.AccBytes, 1e-9)
				}
			})
		}
	}
}

// An evaluation asks as Choose does, the base and the adapter each with its own weights.
func TestEvaluationAsksMultipleChoice(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	job.Args.LearningRate = 1e-2
	trained(t, r, job)
	items, err := choice.Load(spec.ChoiceSet{Form: spec.ChoiceCloze, MaxItems: 12})
	require.NoError(t, err)
	steps, total := int64(0), int64(0)
	out, err := r.Evaluate(t.Context(), spec.EvaluateJob{
		BaseModel: job.BaseModel, Adapter: job.OutputDir, EvalDataPath: job.TrainDataPath, MaxLength: 64, MaxNewTokens: 1, Choices: items,
	}, func(p spec.Progress) { steps, total = p.Step, p.TotalSteps })
	require.NoError(t, err)
	require.Equal(t, total, steps)
	for name, given := range map[string][][]spec.Likelihood{"": out.BaseChoices, job.OutputDir: out.AdapterChoices} {
		alone, err := r.Choose(t.Context(), job.BaseModel, name, items)
		require.NoError(t, err)
		require.Equal(t, alone, given)
	}
	require.NotEqual(t, out.BaseChoices, out.AdapterChoices)
}
