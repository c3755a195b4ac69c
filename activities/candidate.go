package activities

import (
	"context"
	"encoding/json"

	"elara/spec"
	"elara/storage/artifact"
)

// candidateFile is the one file of a candidate artifact, a spec.Candidate.
const candidateFile = "candidate.json"

// BuildCandidate puts adapters and report under one digest.
func (c *Control) BuildCandidate(ctx context.Context, in spec.CandidateInput) (spec.ArtifactRef, error) {
	return run(ctx, c.Instruments, spec.StageApproval, in, c.buildCandidate)
}

func (c *Control) buildCandidate(ctx context.Context, in spec.CandidateInput) (spec.ArtifactRef, error) {
	candidate := spec.Candidate{Base: in.Base, Report: in.Report}
	inputs := []spec.Digest{in.Base.Digest, in.Report.Digest}
	for _, adapter := range in.Adapters {
		candidate.Adapters = append(candidate.Adapters, spec.CandidateAdapter{Name: adapter.Adapter, Ref: adapter.Ref})
		inputs = append(inputs, adapter.Ref.Digest)
	}
	if !in.Merged.IsZero() {
		candidate.Merged = in.Merged
		inputs = append(inputs, in.Merged.Digest)
	}
	content, err := json.MarshalIndent(candidate, "", "  ")
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	return artifact.PublishBytes(ctx, c.Store, spec.KindCandidate, map[string][]byte{candidateFile: append(content, '\n')}, inputs, nil)
}
