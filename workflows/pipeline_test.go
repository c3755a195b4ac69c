package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"elara/spec"
	"elara/spec/fault"
)

// answer is what became of one decide Update.
type answer struct {
	rejected error
	decision spec.Decision
	err      error
}

// decideAt sends a decision when so much time of the workflow has passed.
func (s *scene) decideAt(at time.Duration, decision spec.Decision) *answer {
	var a answer
	s.RegisterDelayedCallback(func() {
		s.UpdateWorkflow(DecideUpdate, "", &testsuite.TestUpdateCallback{
			OnAccept: func() {},
			OnReject: func(err error) { a.rejected = err },
			OnComplete: func(result any, err error) {
				a.err = err
				if err == nil {
					a.decision = result.(spec.Decision)
				}
			},
		}, decision)
	}, at)
	return &a
}

func TestPipelineTellsItsStoryInOrder(t *testing.T) {
	s := newScene(t)
	s.decideAt(time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, pipelineInput())
	result := s.finish(t)

	require.Equal(t, []string{"collect", "clean", "format general", "format patient", "import"}, s.called()[:5])
	require.ElementsMatch(t, []string{
		"find general", "train general 10", "train general 20", "train general 30",
		"find patient", "train patient 10", "train patient 20", "train patient 30",
	}, s.called()[5:13])
	require.ElementsMatch(t, []string{"find score general", "evaluate general", "find score patient", "evaluate patient"}, s.called()[13:17])
	require.Equal(t, []string{
		"report", "candidate", "find release", "find served", "offer", "find release", "record approved", "release by the reviewer", "keep drift",
	}, s.called()[17:])

	require.Equal(t, spec.RunID("run-1"), result.Run)
	require.Equal(t, ref(spec.KindBaseModel, "b"), result.Base)
	require.Equal(t, []spec.AdapterName{"general", "patient"}, []spec.AdapterName{result.Adapters[0].Adapter, result.Adapters[1].Adapter})
	require.Equal(t, adapterOf("patient"), result.Adapters[1].Ref)
	require.Equal(t, candidate, result.Candidate)
	require.Equal(t, spec.Approved, result.Decision.Verdict)
	require.False(t, result.Decision.DecidedAt.IsZero())
	require.Equal(t, candidate.Digest, result.Release.Current)
	require.Empty(t, result.Skipped)
}

func TestRejectedCandidateIsAResultAndReleasesNothing(t *testing.T) {
	s := newScene(t)
	decision := approvalOf(candidate.Digest)
	decision.Verdict, decision.Reason = spec.Rejected, "too technical for patients"
	s.decideAt(time.Hour, decision)
	s.ExecuteWorkflow(Pipeline, pipelineInput())
	result := s.finish(t)

	require.Equal(t, spec.Rejected, result.Decision.Verdict)
	require.Equal(t, "too technical for patients", result.Decision.Reason)
	require.Zero(t, result.Release)
	require.NotContains(t, s.called(), "release by the reviewer")
}

func TestNoDecisionInTimeReleasesNothing(t *testing.T) {
	s := newScene(t)
	in := pipelineInput()
	in.Approval.TimeoutHours = 1.5
	tooLate := s.decideAt(2*time.Hour, approvalOf(candidate.Digest))
	begin := s.Now()
	s.ExecuteWorkflow(Pipeline, in)
	result := s.finish(t)

	require.Equal(t, spec.Expired, result.Decision.Verdict)
	require.Empty(t, result.Decision.Reviewer)
	require.WithinDuration(t, begin.Add(90*time.Minute), result.Decision.DecidedAt, time.Minute)
	require.Zero(t, result.Release)
	require.Zero(t, *tooLate)
}

func TestDecisionsThatAreRefused(t *testing.T) {
	stale := approvalOf(digest("5"))
	for name, test := range map[string]struct {
		decision spec.Decision
		at       time.Duration
		kind     fault.Kind
		says     []string
	}{
		"a stale digest names both":  {stale, time.Hour, fault.Conflict, []string{string(digest("5")), string(candidate.Digest)}},
		"an unknown verdict":         {spec.Decision{Verdict: "maybe", Candidate: candidate.Digest, Reviewer: "x"}, time.Hour, fault.Invalid, []string{`"maybe"`, "approved or rejected"}},
		"the workflow's own verdict": {spec.Decision{Verdict: spec.Expired, Candidate: candidate.Digest, Reviewer: "x"}, time.Hour, fault.Invalid, []string{`"expired"`}},
		"an empty reviewer":          {spec.Decision{Verdict: spec.Approved, Candidate: candidate.Digest, Reviewer: " \t"}, time.Hour, fault.Invalid, []string{"reviewer"}},
		"no digest":                  {spec.Decision{Verdict: spec.Approved, Reviewer: "x"}, time.Hour, fault.Invalid, []string{"digest"}},
		"before there is anything":   {approvalOf(candidate.Digest), 0, fault.NotFound, []string{"no candidate"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			refused := s.decideAt(test.at, test.decision)
			s.decideAt(2*time.Hour, approvalOf(candidate.Digest))
			s.ExecuteWorkflow(Pipeline, pipelineInput())
			s.finish(t)

			require.Error(t, refused.rejected)
			require.Equal(t, test.kind, kindOf(refused.rejected))
			for _, word := range test.says {
				require.ErrorContains(t, refused.rejected, word)
			}
		})
	}
}

func TestFirstDecisionWinsAndTheSameAgainChangesNothing(t *testing.T) {
	s := newScene(t)
	var first, again, other answer
	into := func(a *answer) *testsuite.TestUpdateCallback {
		return &testsuite.TestUpdateCallback{
			OnAccept:   func() {},
			OnReject:   func(err error) { a.rejected = err },
			OnComplete: func(result any, err error) { a.decision, _ = result.(spec.Decision); a.err = err },
		}
	}
	s.RegisterDelayedCallback(func() { // all three arrive in one workflow task
		decision := approvalOf(candidate.Digest)
		s.UpdateWorkflow(DecideUpdate, "1", into(&first), decision)
		decision.Reason = "said again in other words"
		s.UpdateWorkflow(DecideUpdate, "2", into(&again), decision)
		decision.Verdict, decision.Reviewer = spec.Rejected, "somebody else"
		s.UpdateWorkflow(DecideUpdate, "3", into(&other), decision)
	}, time.Hour)
	s.ExecuteWorkflow(Pipeline, pipelineInput())
	result := s.finish(t)

	require.NoError(t, first.err)
	require.NoError(t, again.rejected)
	require.Equal(t, first.decision, again.decision)
	require.Equal(t, first.decision, result.Decision)
	refusal := other.rejected
	if refusal == nil {
		refusal = other.err // accepted by the validator in the same task, refused by the handler
	}
	require.Equal(t, fault.Conflict, kindOf(refusal))
	require.ErrorContains(t, refusal, "approved by the reviewer")
	require.Equal(t, spec.Approved, result.Decision.Verdict)
}

func TestStatusShowsTheReviewerWhatToDecideOn(t *testing.T) {
	s := newScene(t)
	var waiting spec.PipelineStatus
	s.RegisterDelayedCallback(func() {
		value, err := s.QueryWorkflow(StatusQuery)
		require.NoError(t, err)
		require.NoError(t, value.Get(&waiting))
	}, time.Hour)
	s.decideAt(2*time.Hour, approvalOf(candidate.Digest))
	s.ExecuteWorkflow(Pipeline, pipelineInput())
	s.finish(t)

	require.Equal(t, spec.StageApproval, waiting.Stage)
	require.Equal(t, candidate, waiting.Candidate)
	require.Equal(t, ref(spec.KindReport, "e"), waiting.Report)
	require.Len(t, waiting.Scores, 2)
	require.Equal(t, []spec.AdapterStatus{
		{Adapter: "general", WorkflowID: "train.run-1.general", TrainRows: 8, EvalRows: 1, Ref: adapterOf("general")},
		{Adapter: "patient", WorkflowID: "train.run-1.patient", TrainRows: 8, EvalRows: 1, Ref: adapterOf("patient")},
	}, waiting.Adapters)
	require.Zero(t, waiting.Decision)
}

func TestUnchangedStagesAreSkippedWithTheirReason(t *testing.T) {
	s := newScene(t)
	s.clean = func(spec.CleanInput) (spec.CleanResult, error) {
		return spec.CleanResult{Cleaned: ref(spec.KindCleaned, "1"), Unchanged: "same sources"}, nil
	}
	s.find = func(in spec.AdapterInput) (spec.AdapterResult, error) {
		return spec.AdapterResult{Adapter: in.Plan.Name, Ref: adapterOf(in.Plan.Name), Unchanged: "same rows"}, nil
	}
	s.released = func(in spec.ReleaseInput) (spec.ReleaseResult, error) {
		return spec.ReleaseResult{Channel: in.Channel, Current: in.Candidate.Digest, Unchanged: "already there"}, nil
	}
	s.ExecuteWorkflow(Pipeline, pipelineInput()) // and nobody is asked
	result := s.finish(t)

	require.Equal(t, []spec.SkippedStage{
		{Stage: "prepare/clean", Reason: "same sources"},
		{Stage: "train/general", Reason: "same rows"},
		{Stage: "train/patient", Reason: "same rows"},
		{Stage: "approval", Reason: "already there"},
		{Stage: "release", Reason: "already there"},
	}, result.Skipped)
	require.NotContains(t, s.called(), "train general 10")
	require.NotContains(t, s.called(), "release by the reviewer")
	require.Equal(t, candidate.Digest, result.Release.Current)
}

func TestOneFailedAdapterLetsTheOthersFinish(t *testing.T) {
	s := newScene(t)
	s.train = func(in spec.SegmentInput) (spec.SegmentResult, error) {
		if in.Plan.Name == "general" {
			return spec.SegmentResult{}, failed(fault.Diverged)
		}
		return segmentTo(in, min(in.UntilStep, totalSteps)), nil
	}
	s.ExecuteWorkflow(Pipeline, pipelineInput())

	require.Equal(t, fault.Diverged, s.kind(t))
	require.Contains(t, s.called(), "train patient 30")
	require.NotContains(t, s.called(), "report")
}

func TestSeveralFailuresAreAllNamed(t *testing.T) {
	s := newScene(t)
	s.train = func(spec.SegmentInput) (spec.SegmentResult, error) {
		return spec.SegmentResult{}, failed(fault.Corrupt)
	}
	s.ExecuteWorkflow(Pipeline, pipelineInput())

	require.Equal(t, fault.Corrupt, s.kind(t))
	require.ErrorContains(t, s.GetWorkflowError(), "training failed for 2 adapters: general, patient")
}

func TestScheduledRunTakesItsNameFromTheWorkflowID(t *testing.T) {
	s := newScene(t)
	s.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "pipeline.nightly-2026-11-22T03:00:00Z", TaskQueue: ControlQueue})
	s.decideAt(time.Hour, approvalOf(candidate.Digest))
	in := pipelineInput()
	in.Run = ""
	s.ExecuteWorkflow(Pipeline, in)
	require.Equal(t, spec.RunID("nightly-2026-11-22t03-00-00z"), s.finish(t).Run)
}

func TestPipelineThatCouldNotEndIsRefusedBeforeAnythingIsDone(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*spec.PipelineInput)
		says   string
	}{
		"no adapters":       {func(in *spec.PipelineInput) { in.Adapters = nil }, "adapters"},
		"an adapter twice":  {func(in *spec.PipelineInput) { in.Adapters[1].Name = "general" }, "general is there twice"},
		"a path as run ID":  {func(in *spec.PipelineInput) { in.Run = "../x" }, "run ID"},
		"an empty segment":  {func(in *spec.PipelineInput) { in.Adapters[0].SegmentSteps = 0 }, "segment of 0 steps"},
		"no sources":        {func(in *spec.PipelineInput) { in.Prepare.Sources = nil }, "source"},
		"no base":           {func(in *spec.PipelineInput) { in.Base = spec.BaseSource{} }, "base"},
		"a strange channel": {func(in *spec.PipelineInput) { in.Release.Channel = "a/b" }, "channel"},
		"negative patience": {func(in *spec.PipelineInput) { in.Approval.TimeoutHours = -1 }, "timeout"},
		"unknown audience":  {func(in *spec.PipelineInput) { in.Adapters[0].Audience = "nurse" }, "nurse"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			in := pipelineInput()
			test.change(&in)
			s.ExecuteWorkflow(Pipeline, in)
			require.Equal(t, fault.Invalid, s.kind(t))
			require.ErrorContains(t, s.GetWorkflowError(), test.says)
			require.Empty(t, s.called())
		})
	}
}

func TestCancelledPipelineCancelsItsTraining(t *testing.T) {
	s := newScene(t)
	s.train = func(spec.SegmentInput) (spec.SegmentResult, error) {
		return spec.SegmentResult{}, temporal.NewCanceledError()
	}
	s.RegisterDelayedCallback(s.CancelWorkflow, time.Millisecond)
	s.ExecuteWorkflow(Pipeline, pipelineInput())
	require.True(t, s.IsWorkflowCompleted())
	require.True(t, temporal.IsCanceledError(s.GetWorkflowError()))
	require.NotContains(t, s.called(), "report")
}
