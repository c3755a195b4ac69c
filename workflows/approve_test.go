package workflows

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// approvalBy is one person's approval.
func approvalBy(name string) spec.Decision {
	decision := approvalOf(candidate.Digest)
	decision.Reviewer = name
	return decision
}

func TestOnlyApproversDecide(t *testing.T) {
	s := newScene(t)
	in := pipelineInput()
	in.Approval.Approvers = []string{"Person A", "Person B"}
	stranger := s.decideAt(time.Hour, approvalBy("Person C"))
	no := approvalBy("Person C")
	no.Verdict = spec.Rejected
	rejection := s.decideAt(2*time.Hour, no)
	s.decideAt(3*time.Hour, approvalBy(" person  a "))
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)

	for _, refused := range []*answer{stranger, rejection} {
		require.Equal(t, fault.Invalid, kindOf(refused.rejected))
		require.ErrorContains(t, refused.rejected, "Person C is no approver of this pipeline, expected one of Person A, Person B (approval.approvers")
	}
	require.Equal(t, "person a", result.Decision.Reviewer)
	require.Equal(t, ref(spec.KindDecision, "f"), result.Approval)
}

func TestTwoSignaturesAreOfTwoPersons(t *testing.T) {
	s := newScene(t)
	in := pipelineInput()
	in.Approval.Signatures = 2
	first := s.decideAt(time.Hour, approvalBy("Person A"))
	again := s.decideAt(2*time.Hour, approvalBy("PERSON  a"))
	var waiting spec.PipelineStatus
	s.RegisterDelayedCallback(func() {
		value, err := s.QueryWorkflow(StatusQuery)
		require.NoError(t, err)
		require.NoError(t, value.Get(&waiting))
	}, 3*time.Hour)
	second := approvalBy("Person B")
	second.Reason = "checked the doses"
	last := s.decideAt(4*time.Hour, second)
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)

	require.Equal(t, 1, first.decision.Missing)
	require.NoError(t, again.rejected)
	require.Equal(t, first.decision, again.decision, "the same person again is the same signature")
	require.Equal(t, spec.StageApproval, waiting.Stage)
	require.Empty(t, waiting.Decision)
	require.Equal(t, "Person A", waiting.Signed[0].Reviewer)

	require.Equal(t, last.decision, result.Decision)
	require.Zero(t, result.Decision.Missing)
	require.Equal(t, "Person A and Person B", result.Decision.Signers())
	require.Equal(t, "checked the doses", result.Decision.Cosigned[0].Reason)
	require.Contains(t, s.called(), "release by Person A and Person B")
}

func TestARejectionNeedsNoSecond(t *testing.T) {
	s := newScene(t)
	in := pipelineInput()
	in.Approval.Signatures = 2
	s.decideAt(time.Hour, approvalBy("Person A"))
	no := approvalBy("Person B")
	no.Verdict, no.Reason = spec.Rejected, "misses red flags"
	s.decideAt(2*time.Hour, no)
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	require.Equal(t, spec.Rejected, result.Decision.Verdict)
	require.Contains(t, s.called(), "record rejected")
	require.Zero(t, result.Release)
}

func TestASignatureThatRanOutDoesNotCount(t *testing.T) {
	s := newScene(t)
	in := pipelineInput()
	in.Approval.Signatures, in.Approval.ValidHours = 2, 24
	s.decideAt(time.Hour, approvalBy("Person A"))
	late := s.decideAt(30*time.Hour, approvalBy("Person B"))
	s.decideAt(31*time.Hour, approvalBy("Person A"))
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	require.Equal(t, 1, late.decision.Missing, "the first has run out")
	require.Equal(t, "Person B and Person A", result.Decision.Signers())
	require.Equal(t, result.Decision.DecidedAt.Add(24*time.Hour), result.Decision.ExpiresAt)
}

func TestAnApprovalNamesWhatItReplaces(t *testing.T) {
	s := newScene(t)
	serves := digest("7")
	s.released = func(spec.ReleaseInput) (spec.ReleaseResult, error) { return spec.ReleaseResult{Current: serves}, nil }
	s.RegisterDelayedCallback(func() { // somebody releases something else meanwhile
		s.mu.Lock()
		defer s.mu.Unlock()
		serves = digest("8")
	}, time.Hour)
	stale := s.decideAt(2*time.Hour, approvalOf(candidate.Digest))
	seen := approvalOf(candidate.Digest)
	seen.Replaces = digest("8")
	s.decideAt(3*time.Hour, seen)
	s.ExecuteWorkflow(Pipeline, pipelineInput())
	result := s.finish(t)

	require.Equal(t, fault.Conflict, kindOf(stale.err))
	require.ErrorContains(t, stale.err, fmt.Sprintf("channel stable serves candidate %s by now, this approval is to replace candidate %s", digest("8"), digest("7")))
	require.Equal(t, digest("8"), result.Decision.Replaces)
	require.Equal(t, digest("8"), result.Release.Previous)
}

func TestAnApprovalMayReplaceNothing(t *testing.T) {
	s := newScene(t)
	serves := digest("7")
	s.released = func(spec.ReleaseInput) (spec.ReleaseResult, error) { return spec.ReleaseResult{Current: serves}, nil }
	s.RegisterDelayedCallback(func() { // what is served fails its smoke test meanwhile, and nothing was served before it
		s.mu.Lock()
		defer s.mu.Unlock()
		serves = ""
	}, time.Hour)
	stale := s.decideAt(2*time.Hour, approvalOf(candidate.Digest))
	seen := approvalOf(candidate.Digest)
	seen.Replaces = spec.Nothing
	s.decideAt(3*time.Hour, seen)
	s.ExecuteWorkflow(Pipeline, pipelineInput())
	result := s.finish(t)

	require.ErrorContains(t, stale.err, fmt.Sprintf("channel stable serves nothing by now, this approval is to replace candidate %s", digest("7")))
	require.Equal(t, spec.Approved, result.Decision.Verdict)
	require.Empty(t, result.Decision.Replaces)
	require.Empty(t, result.Release.Previous)
	require.Equal(t, candidate.Digest, result.Release.Current)
}

func TestARefusedReleaseIsAResult(t *testing.T) {
	s := newScene(t)
	in := pipelineInput()
	in.Release.SmokeQuestion = "When is chest pain an emergency?"
	s.flipped = func(in spec.ReleaseInput) (spec.ReleaseResult, error) {
		return spec.ReleaseResult{Channel: in.Channel, Current: digest("8"), Refused: "it moved"}, nil
	}
	s.decideAt(time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	require.Equal(t, "it moved", result.Release.Refused)
	require.Equal(t, "release by the reviewer", s.called()[len(s.called())-1], "nothing is asked that is not released")
}

func TestEveryReleasedAdapterIsAskedAndABadOneTakesTheReleaseBack(t *testing.T) {
	s := newScene(t)
	in := pipelineInput()
	in.Release.SmokeQuestion = "When is chest pain an emergency?"
	s.smoked = func(in spec.SmokeInput) (spec.SmokeResult, error) {
		require.Equal(t, adapterOf(in.Target.Name), in.Target.Adapter)
		if in.Target.Name == "patient" {
			return spec.SmokeResult{}, failed(fault.Corrupt)
		}
		return spec.SmokeResult{}, nil
	}
	s.decideAt(time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)
	require.Equal(t, []string{
		`ask general "When is chest pain an emergency?"`, `ask patient "When is chest pain an emergency?"`,
		"take back: adapter patient: it did not work",
	}, s.called()[len(s.called())-3:])
	require.Equal(t, "adapter patient: it did not work", result.Release.TakenBack)
	require.Equal(t, spec.Approved, result.Decision.Verdict)
}

// TestADecisionIsAwaitedForAMonth lets the clock skip a month: no activity runs meanwhile, so no slot is held.
func TestADecisionIsAwaitedForAMonth(t *testing.T) {
	s := newScene(t)
	var during []string
	s.RegisterDelayedCallback(func() { during = s.called() }, 29*24*time.Hour)
	s.decideAt(30*24*time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, pipelineInput())
	result := s.finish(t)
	require.Equal(t, "offer", during[len(during)-1], "it waits, and nothing runs")
	require.Equal(t, candidate.Digest, result.Release.Current)
}
