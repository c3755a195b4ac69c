package toy

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"

	"elara/spec"
)

// Merger writes what it was asked for. Its held-out loss is the sum of the weights.
type Merger struct{}

// Merge implements activities.Merger.
func (Merger) Merge(_ context.Context, job spec.MergeJob, progress func(spec.Progress)) (spec.MergeOutcome, error) {
	var out spec.MergeOutcome
	rows, err := os.ReadFile(job.EvalDataPath)
	if err != nil {
		return out, err
	}
	for i, method := range job.Candidates {
		folder := filepath.Join(job.OutputDir, method.Name)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return out, err
		}
		made := []byte(method.CombinationType)
		candidate := spec.MergedCandidate{Method: method, Rows: int64(bytes.Count(rows, []byte("\n")))}
		for j, adapter := range job.Adapters {
			weights, err := os.ReadFile(filepath.Join(adapter.Path, WeightsFile))
			if err != nil {
				return out, err
			}
			made = append(made, weights...)
			candidate.Loss += method.Weights[j]
		}
		if err := os.WriteFile(filepath.Join(folder, WeightsFile), made, 0o600); err != nil {
			return out, err
		}
		out.Candidates = append(out.Candidates, candidate)
		progress(spec.Progress{Stage: spec.StageMerge, Step: int64(i + 1), TotalSteps: int64(len(job.Candidates))})
	}
	slices.SortStableFunc(out.Candidates, func(a, b spec.MergedCandidate) int { return cmp.Compare(a.Loss, b.Loss) })
	return out, nil
}
