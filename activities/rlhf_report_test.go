package activities

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

func TestReportOfAPolicyHasItsCurvesAndSamples(t *testing.T) {
	folder := files(t, map[string]string{
		stateFile: `{"global_step": 2, "log_history": [
			{"step": 1, "epoch": 0.5, "loss": 0.1, "objective/kl": 0, "objective/scores": 1},
			{"step": 2, "epoch": 1, "loss": 0.2, "objective/kl": 2, "objective/scores": 3, "alarm/no_eos": 1}]}`,
		samplesFile: `{"step": 2, "prompt": "What is <gout>?", "before": "A rash.", "after": "Crystals.", "score_before": 0.5, "score_after": 1.5}` + "\n",
	})
	got, err := PolicyReport("policy", folder, spec.PPOConfig{KLCoef: 0.05})
	require.NoError(t, err)
	page := string(got[reportHTML])
	for _, want := range []string{
		"policy, step 2: reward 3 at a KL of 2", "policy, step 2: alarm no_eos", "done, 2 steps",
		"<td>What is &lt;gout&gt;?</td><td>A rash.</td><td>0.5</td><td>Crystals.</td><td>1.5</td>", `<th scope="row">kl_coef</th><td colspan="1">0.05</td>`,
	} {
		require.Contains(t, page, want)
	}
	require.Contains(t, string(got[samplesFile]), "Crystals.")

	require.NoError(t, os.WriteFile(filepath.Join(folder, samplesFile), []byte(`{"prompt": "What is gout?"`), 0o600))
	_, err = PolicyReport("policy", folder, spec.PPOConfig{})
	require.True(t, fault.Is(err, fault.Corrupt))
	require.ErrorContains(t, err, "samples.jsonl: sample 1 is not one")
	require.NotContains(t, err.Error(), "gout")

	require.NoError(t, os.Remove(filepath.Join(folder, samplesFile)))
	got, err = PolicyReport("policy", folder, spec.PPOConfig{})
	require.NoError(t, err)
	require.Len(t, got, 1)
}

func TestFirstPromptsAreSampled(t *testing.T) {
	var all strings.Builder
	for i := range 2 * mostSampled {
		fmt.Fprintf(&all, "{\"text\": \"question %d?\"}\n", i)
	}
	folder := files(t, map[string]string{promptsFile: all.String()})
	to := filepath.Join(folder, "first.jsonl")
	require.NoError(t, joinRows(t.Context(), to, []string{filepath.Join(folder, promptsFile)}, mostSampled))
	first, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, mostSampled, strings.Count(string(first), "\n"))
	require.True(t, strings.HasPrefix(all.String(), string(first)))
}
