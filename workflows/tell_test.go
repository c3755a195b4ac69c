package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

func (s *scene) kindsTold() []spec.NoticeKind {
	var kinds []spec.NoticeKind
	for _, n := range s.told {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

func TestPeopleAreToldWhatAsksForThem(t *testing.T) {
	s := newScene(t)
	s.servesOther()
	s.drifted = func(in spec.DriftInput) (spec.DriftResult, error) {
		fall := spec.DriftFall{Adapter: "patient", Audience: spec.Patient, Metric: spec.MetricSafety}
		return spec.DriftResult{Falls: []spec.DriftFall{fall, fall}}, nil
	}
	s.smoked = func(spec.SmokeInput) (spec.SmokeResult, error) { return spec.SmokeResult{}, failed(fault.Diverged) }
	in := gatedInput()
	in.Approval.TimeoutHours, in.Release.SmokeQuestion = 240, smokeQuestion
	s.decideAt(220*time.Hour, approvalOf(candidate.Digest))
	began := s.Now().UTC()
	s.ExecuteWorkflow(Pipeline, in)
	s.finish(t)

	require.ElementsMatch(t, []spec.NoticeKind{spec.NoticeDrift, spec.NoticeApproval, spec.NoticeExpiry, spec.NoticeTakenBack}, s.kindsTold())
	for _, n := range s.told {
		want := spec.Notice{Kind: n.Kind, Run: "run-1", Channel: "stable", Workflow: "default-test-workflow-id", Digest: candidate.Digest}
		switch n.Kind {
		case spec.NoticeDrift:
			want.Digest, want.Audiences = "", []spec.Audience{spec.Patient} // each once
		case spec.NoticeExpiry:
			require.WithinDuration(t, began.Add(240*time.Hour), n.Due, time.Minute)
			want.Due = n.Due
		}
		require.Equal(t, want, n)
	}
}

func TestNobodyIsRemindedOfWhatIsDecided(t *testing.T) {
	s := newScene(t)
	in := pipelineInput()
	in.Approval.TimeoutHours = 8
	s.decideAt(5*time.Hour, approvalOf(candidate.Digest)) // a quarter of the time is left after 6 hours
	s.ExecuteWorkflow(Pipeline, in)
	s.finish(t)
	require.Equal(t, []spec.NoticeKind{spec.NoticeApproval}, s.kindsTold())
}

func TestAVerdictThatStopsIsTold(t *testing.T) {
	s := newScene(t)
	s.judge = verdictOf(spec.Reject, "tone: worse by 0.2")
	s.ExecuteWorkflow(Pipeline, gatedInput())
	s.finish(t)
	require.Equal(t, []spec.NoticeKind{spec.NoticeVerdict}, s.kindsTold())
}

func TestADeafNotifierHoldsNothingUp(t *testing.T) {
	s := newScene(t)
	s.deaf = failed(fault.Transient)
	s.decideAt(time.Minute, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, pipelineInput())
	require.Equal(t, candidate.Digest, s.finish(t).Release.Current)
	require.Greater(t, len(s.told), 1, "it was tried again")
}
