package activities

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

func candidateInput(t *testing.T, r *room) spec.CandidateInput {
	t.Helper()
	in := targetInput(t, r)
	score := do(t, r, r.device.EvaluateTarget, in)
	report := do(t, r, r.control.WriteReport, spec.ReportInput{Base: in.Base, Scores: []spec.AdapterScore{score}})
	return spec.CandidateInput{
		Run: "run-1", Base: in.Base, Report: report,
		Adapters: []spec.AdapterResult{{Adapter: "patient", Ref: in.Target.Adapter}},
	}
}

func TestCandidateIsTheSameForTheSameAdaptersAndReport(t *testing.T) {
	r := newRoom(t)
	in := candidateInput(t, r)
	ref := do(t, r, r.control.BuildCandidate, in)
	require.Equal(t, spec.KindCandidate, ref.Kind)
	var candidate spec.Candidate
	require.NoError(t, json.Unmarshal([]byte(r.read(t, ref, "candidate.json")), &candidate))
	require.Equal(t, spec.Candidate{
		Base: in.Base, Report: in.Report, Adapters: []spec.CandidateAdapter{{Name: "patient", Ref: in.Adapters[0].Ref}},
	}, candidate)

	in.Run, in.Adapters[0].Unchanged = "run-2", "from run-1"
	require.Equal(t, ref, do(t, r, r.control.BuildCandidate, in))
	in.Adapters[0].Adapter = "doctor"
	require.NotEqual(t, ref, do(t, r, r.control.BuildCandidate, in))
}

func TestReleaseFollowsTheDecisionOnExactlyThisCandidate(t *testing.T) {
	r := newRoom(t)
	candidate := do(t, r, r.control.BuildCandidate, candidateInput(t, r))
	in := spec.ReleaseInput{
		Run: "run-1", Channel: "stable", Candidate: candidate,
		Decision: spec.Decision{Verdict: spec.Approved, Candidate: candidate.Digest, Reviewer: "the reviewer", DecidedAt: time.Unix(1, 0).UTC()},
	}
	require.Zero(t, do(t, r, r.control.FindRelease, in))

	released := do(t, r, r.control.Release, in)
	require.Equal(t, spec.ReleaseResult{Channel: "stable", Current: candidate.Digest, Key: "releases/stable.json"}, released)
	require.Equal(t, released, do(t, r, r.control.Release, in), "a second time")

	found := do(t, r, r.control.FindRelease, in)
	require.Equal(t, candidate.Digest, found.Current)
	require.Contains(t, found.Unchanged, "the reviewer approved it")
	in.Candidate.Digest = candidate.Digest[1:] + "0"
	require.Zero(t, do(t, r, r.control.FindRelease, in), "another candidate")

	in.Candidate, in.Decision.Verdict = candidate, spec.Rejected
	_, err := try(t, r, r.control.Release, in)
	kind, final := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.True(t, final)
}
