package activities

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
)

func candidateInput(t *testing.T, r *room) spec.CandidateInput {
	t.Helper()
	in := targetInput(t, r)
	score := do(t, r, r.device.EvaluateTarget, in)
	report := do(t, r, r.control.WriteReport, spec.ReportInput{Base: in.Base, Scores: []spec.AdapterScore{score}})
	return spec.CandidateInput{
		Run: "run-1", Base: in.Base, Report: report, Audiences: []spec.Audience{spec.Patient},
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
		Base: in.Base, Report: in.Report, Adapters: []spec.CandidateAdapter{{Name: "patient", Audience: spec.Patient, Ref: in.Adapters[0].Ref}},
	}, candidate)

	in.Run, in.Adapters[0].Unchanged = "run-2", "from run-1"
	require.Equal(t, ref, do(t, r, r.control.BuildCandidate, in))
	in.Adapters[0].Adapter = "doctor"
	require.NotEqual(t, ref, do(t, r, r.control.BuildCandidate, in))
}

// decided is a reviewer's approval of a candidate.
func decided(candidate spec.ArtifactRef) spec.Decision {
	return spec.Decision{Verdict: spec.Approved, Candidate: candidate.Digest, Reviewer: "the reviewer", DecidedAt: time.Unix(1, 0).UTC()}
}

func TestReleaseFollowsTheDecisionOnExactlyThisCandidate(t *testing.T) {
	r := newRoom(t)
	candidate := do(t, r, r.control.BuildCandidate, candidateInput(t, r))
	nothing := spec.Digest("")
	in := spec.ReleaseInput{Run: "run-1", Channel: "stable", Candidate: candidate, Decision: decided(candidate), Replaces: &nothing}
	require.Zero(t, do(t, r, r.control.FindRelease, in))

	released := do(t, r, r.control.Release, in)
	require.Equal(t, spec.ReleaseResult{Channel: "stable", Current: candidate.Digest, Key: "releases/stable.json"}, released)
	require.Equal(t, released, do(t, r, r.control.Release, in), "a second time")

	found := do(t, r, r.control.FindRelease, in)
	require.Equal(t, candidate.Digest, found.Current)
	require.Contains(t, found.Unchanged, "the reviewer approved it")
	in.Candidate.Digest = candidate.Digest[1:] + "0"
	found = do(t, r, r.control.FindRelease, in)
	require.Equal(t, candidate.Digest, found.Current)
	require.Empty(t, found.Unchanged, "another candidate")

	in.Candidate, in.Decision.Verdict = candidate, spec.Rejected
	_, err := try(t, r, r.control.Release, in)
	kind, final := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.True(t, final)
}

func TestAReleaseOverAChannelThatMovedOrByAnExpiredApprovalIsRefused(t *testing.T) {
	r := newRoom(t)
	build := candidateInput(t, r)
	first := do(t, r, r.control.BuildCandidate, build)
	build.Adapters[0].Adapter = "doctor"
	second := do(t, r, r.control.BuildCandidate, build)
	nothing := spec.Digest("")
	do(t, r, r.control.Release, spec.ReleaseInput{Channel: "stable", Candidate: first, Decision: decided(first), Replaces: &nothing})

	in := spec.ReleaseInput{Channel: "stable", Candidate: second, Decision: decided(second), Replaces: &nothing}
	got := do(t, r, r.control.Release, in)
	require.Equal(t, first.Digest, got.Current)
	require.Contains(t, got.Refused, "serves candidate "+first.Digest.Short()+" by the word of the reviewer by now, not nothing")
	require.Contains(t, got.Refused, "elara release promote stable")

	in.Replaces, in.Decision.ExpiresAt = &first.Digest, time.Unix(2, 0)
	got = do(t, r, r.control.Release, in)
	require.Equal(t, first.Digest, got.Current)
	require.Contains(t, got.Refused, "by the reviewer expired at 1970-01-01T00:00:02Z: run the pipeline again")

	in.Decision.ExpiresAt = time.Time{}
	require.Equal(t, second.Digest, do(t, r, r.control.Release, in).Current)
	in.Candidate, in.Decision, in.Replaces = first, decided(first), nil
	in.Decision.DecidedAt = time.Unix(3, 0)
	require.Equal(t, first.Digest, do(t, r, r.control.Release, in).Current, "a run that began before flips were conditional")
}

func TestADecisionIsKeptAndNotedBesideTheOffer(t *testing.T) {
	r := newRoom(t)
	candidate := do(t, r, r.control.BuildCandidate, candidateInput(t, r))
	smoke := spec.SmokePlan{Question: "When is chest pain an emergency?", Targets: []spec.EvaluatedTarget{{Name: "patient"}}}
	do(t, r, r.control.OfferCandidate, spec.OfferInput{Run: "run-1", Channel: "stable", Candidate: candidate, Approvers: []string{"Person A"}, Smoke: smoke})
	word := do(t, r, r.control.RecordDecision, spec.DecisionInput{Run: "run-1", Channel: "stable", Candidate: candidate, Decision: decided(candidate)})
	require.Equal(t, spec.KindDecision, word.Kind)
	kept, err := artifact.ReadDecision(t.Context(), r.store, word)
	require.NoError(t, err)
	require.Equal(t, decided(candidate), kept)
	offer, err := artifact.FindOffer(t.Context(), r.store, "stable")
	require.NoError(t, err)
	require.Equal(t, artifact.Offer{
		Channel: "stable", Run: "run-1", Candidate: candidate, Approvers: []string{"Person A"}, Smoke: smoke, Decision: word,
	}, offer)
}

func TestABadReleaseIsTakenBackToWhatWasBeforeOrToNothing(t *testing.T) {
	r := newRoom(t)
	build := candidateInput(t, r)
	first := do(t, r, r.control.BuildCandidate, build)
	build.Adapters[0].Adapter = "doctor"
	second := do(t, r, r.control.BuildCandidate, build)
	release := func(candidate spec.ArtifactRef, from spec.Digest, at int64) {
		in := spec.ReleaseInput{
			Channel: "stable", Candidate: candidate, Decision: decided(candidate), Replaces: &from, Smoke: spec.SmokePlan{Question: string(candidate.Digest)},
		}
		in.Decision.DecidedAt = time.Unix(at, 0)
		require.Empty(t, do(t, r, r.control.Release, in).Refused)
	}
	takeBack := spec.TakeBackInput{Channel: "stable", Candidate: first, Reason: "it says nothing", At: time.Unix(9, 0).UTC()}

	release(first, "", 1)
	stopped := spec.ReleaseResult{Channel: "stable", Previous: first.Digest, Key: "releases/stable.json", TakenBack: "it says nothing"}
	for range 2 { // the second is a retry after a lost answer
		require.Equal(t, stopped, do(t, r, r.control.TakeBack, takeBack))
	}
	release(first, "", 2)
	release(second, first.Digest, 3)
	takeBack.Candidate = second
	for range 2 {
		require.Equal(t, first.Digest, do(t, r, r.control.TakeBack, takeBack).Current)
	}
	history, err := artifact.Current(t.Context(), r.store, "stable")
	require.NoError(t, err)
	require.Len(t, history.Changes, 5)
	require.Equal(t, "smoke check (no person looked)", history.Changes[4].Decision.Reviewer)
	require.Equal(t, string(first.Digest), history.Changes[4].Smoke.Question, "what it goes back to is asked what it was asked")
	require.Equal(t, string(second.Digest), history.Smoke(second.Digest).Question)
	require.Zero(t, history.Smoke(build.Base.Digest))
}
