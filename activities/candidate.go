package activities

import (
	"context"

	"elara/spec"
	"elara/storage/artifact"
)

// BuildCandidate puts adapters and report under one digest.
func (c *Control) BuildCandidate(ctx context.Context, in spec.CandidateInput) (spec.ArtifactRef, error) {
	return run(ctx, c.Instruments, spec.StageApproval, in, c.buildCandidate)
}

func (c *Control) buildCandidate(ctx context.Context, in spec.CandidateInput) (spec.ArtifactRef, error) {
	candidate := spec.Candidate{Base: in.Base, Merged: in.Merged, Student: in.Student, Report: in.Report}
	inputs := []spec.Digest{in.Base.Digest, in.Report.Digest}
	for i, adapter := range in.Adapters {
		named := spec.CandidateAdapter{Name: adapter.Adapter, Ref: adapter.Ref}
		if i < len(in.Audiences) { // none in a run that began before candidates named them
			named.Audience = in.Audiences[i]
		}
		candidate.Adapters = append(candidate.Adapters, named)
		inputs = append(inputs, adapter.Ref.Digest)
	}
	inputs = present(append(inputs, in.Merged.Digest, in.Student.Digest))
	return artifact.PublishJSON(ctx, c.Store, spec.KindCandidate, spec.CandidateFile, candidate, inputs)
}
