package toy

import (
	"bytes"
	"context"
	"os"

	"elara/scoring/measure"
	"elara/scoring/memory"
	"elara/spec"
)

// Memory implements activities.Evaluator: an adapter knows every canary that it was trained on more than once, and no row.
func (Evaluator) Memory(_ context.Context, job spec.MemoryJob, progress func(spec.Progress)) (spec.MemoryResult, error) {
	data, err := os.ReadFile(job.TrainDataPath)
	if err != nil {
		return spec.MemoryResult{}, err
	}
	progress(spec.Progress{Step: 1, TotalSteps: 1})
	result := spec.MemoryResult{Parts: job.Parts, Bounds: job.Bounds}
	result.Verbatim = spec.Verbatim{Rows: bytes.Count(data, []byte("\n"))}
	if job.Asks(spec.PartCanaries) {
		canaries, err := memory.Canaries(job.Canaries)
		if err != nil {
			return spec.MemoryResult{}, err
		}
		found := 0
		for _, c := range canaries {
			e := spec.Exposure{Planted: bytes.Count(data, []byte(c.Secrets[0])), Candidates: job.Canaries.Candidates}
			if e.Rank = e.Candidates; e.Planted > 1 {
				e.Rank, e.IsFound = 1, true
				found++
			}
			e.Exposure = memory.Exposure(e.Rank, e.Candidates)
			result.Canaries = append(result.Canaries, e)
		}
		result.Found = measure.Share(found, len(canaries)).Estimate()
	}
	memory.Decide(&result, 1)
	return result, nil
}
