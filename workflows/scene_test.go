package workflows

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"elara/activities"
	"elara/spec"
	"elara/spec/fault"
)

// scene is a pipeline of two adapters in the SDK's test environment. Its activities are fakes that note that they were
// called; a test changes those it is about.
type scene struct {
	*testsuite.TestWorkflowEnvironment
	mu    sync.Mutex // activities run at the same time
	calls []string

	clean      func(spec.CleanInput) (spec.CleanResult, error)
	find       func(spec.AdapterInput) (spec.AdapterResult, error)
	train      func(spec.SegmentInput) (spec.SegmentResult, error)
	pretrain   func(spec.PretrainSegmentInput) (spec.PretrainSegmentResult, error)
	pretrained func(spec.PretrainTarget) (spec.PretrainResult, error)
	score      func(spec.EvaluateTargetInput) (spec.AdapterScore, error)
	recalled   func(spec.EvaluateTargetInput) (spec.MemoryResult, error)
	merge      func(spec.MergeInput) (spec.MergeResult, error)
	merged     func(spec.MergeInput) (spec.MergeResult, error)
	distill    func(spec.DistillSegmentInput) (spec.DistillSegmentResult, error)
	distilled  func(spec.DistillTarget) (spec.DistillResult, error)
	asked      func(spec.TeacherInput) (spec.TeacherResult, error)
	answered   func(spec.DistillTarget) (spec.TeacherResult, error)
	exported   func(spec.ExportInput) (spec.Exported, error)
	laid       func(spec.DeliverInput) (spec.Exported, error)
	proposed   spec.CandidateInput
	offered    spec.OfferInput
	drifted    func(spec.DriftInput) (spec.DriftResult, error)
	told       []spec.Notice
	deaf       error // what telling people gives
	planted    spec.Planting
	released   func(spec.ReleaseInput) (spec.ReleaseResult, error)
	flipped    func(spec.ReleaseInput) (spec.ReleaseResult, error)
	smoked     func(spec.SmokeInput) (spec.SmokeResult, error)
	feedback   func(spec.FeedbackSegmentInput) (spec.FeedbackSegmentResult, error)
	trained    func(spec.FeedbackInput) (spec.FeedbackResult, error)
	compared   func(spec.ComparisonsInput) (spec.Comparisons, error)
	served     spec.Incumbents
	judge      func(spec.GateInput) (spec.GateResult, error)
	frozen     func(spec.EvaluateInput) (spec.ArtifactRef, error)
}

const totalSteps = 25

func digest(c string) spec.Digest { return spec.Digest(strings.Repeat(c, 64)) }

func ref(kind spec.ArtifactKind, c string) spec.ArtifactRef {
	return spec.ArtifactRef{Kind: kind, Digest: digest(c), SizeBytes: 7}
}

var candidate = spec.ArtifactRef{Kind: spec.KindCandidate, Digest: digest("c"), SizeBytes: 7}

// called is what was noted so far. Activities of a cancelled workflow may still be running.
func (s *scene) called() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func newScene(t *testing.T) *scene {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	s := &scene{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment()}
	Register(s)
	var control *activities.Control
	var device *activities.Device
	s.RegisterActivity(&activities.Control{})
	s.RegisterActivity(&activities.Device{})

	s.clean = func(spec.CleanInput) (spec.CleanResult, error) {
		return spec.CleanResult{Cleaned: ref(spec.KindCleaned, "1"), RowsRead: 9, Ledger: []spec.LedgerCount{{Bucket: "kept", Rows: 9}}}, nil
	}
	s.find = func(in spec.AdapterInput) (spec.AdapterResult, error) { return spec.AdapterResult{}, nil }
	s.train = func(in spec.SegmentInput) (spec.SegmentResult, error) {
		return segmentTo(in, min(in.UntilStep, totalSteps)), nil
	}
	s.pretrained = func(spec.PretrainTarget) (spec.PretrainResult, error) { return spec.PretrainResult{}, nil }
	s.pretrain = func(in spec.PretrainSegmentInput) (spec.PretrainSegmentResult, error) {
		return pretrainedTo(min(in.UntilStep, totalSteps)), nil
	}
	s.score = func(in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
		return spec.AdapterScore{Adapter: in.Target.Name, Rows: 3, BaseLoss: 2, AdapterLoss: 1}, nil
	}
	s.recalled = func(spec.EvaluateTargetInput) (spec.MemoryResult, error) { return spec.MemoryResult{}, nil }
	s.frozen = func(spec.EvaluateInput) (spec.ArtifactRef, error) { return ref(spec.KindPrompts, "8"), nil }
	s.judge = func(spec.GateInput) (spec.GateResult, error) { return spec.GateResult{Verdict: spec.Promote}, nil }
	s.merged = func(spec.MergeInput) (spec.MergeResult, error) { return spec.MergeResult{}, nil }
	s.merge = func(spec.MergeInput) (spec.MergeResult, error) {
		return spec.MergeResult{Best: one, Candidates: []spec.MergedCandidate{{Method: spec.MergeMethod{Name: "sum", CombinationType: spec.CombineCat}, Rows: 3, Loss: 1.5, Ref: one}}}, nil
	}
	s.distilled = func(spec.DistillTarget) (spec.DistillResult, error) { return spec.DistillResult{}, nil }
	s.distill = func(in spec.DistillSegmentInput) (spec.DistillSegmentResult, error) {
		return distilledTo(in, min(in.UntilStep, totalSteps)), nil
	}
	s.answered = func(spec.DistillTarget) (spec.TeacherResult, error) { return spec.TeacherResult{}, nil }
	s.asked = func(spec.TeacherInput) (spec.TeacherResult, error) { return spec.TeacherResult{}, nil }
	s.exported = func(in spec.ExportInput) (spec.Exported, error) {
		return spec.Exported{Plan: in.Plan, Ref: ref(spec.KindExport, "5")}, nil
	}
	s.laid = func(in spec.DeliverInput) (spec.Exported, error) {
		return spec.Exported{Plan: in.Plan, Ref: in.Export, Place: in.To + "/" + in.Name(), Sent: 6}, nil
	}
	s.released = func(spec.ReleaseInput) (spec.ReleaseResult, error) { return spec.ReleaseResult{}, nil }
	s.flipped = func(in spec.ReleaseInput) (spec.ReleaseResult, error) {
		return spec.ReleaseResult{Channel: in.Channel, Current: in.Candidate.Digest, Previous: *in.Replaces}, nil
	}
	s.smoked = func(in spec.SmokeInput) (spec.SmokeResult, error) {
		return spec.SmokeResult{Adapter: in.Target.Name}, nil
	}

	s.drifted = func(spec.DriftInput) (spec.DriftResult, error) { return spec.DriftResult{}, nil }

	s.align()

	fake(s, control.CollectSources, func(spec.PrepareInput) (string, spec.ArtifactRef, error) {
		return "collect", ref(spec.KindSource, "0"), nil
	})
	fake(s, control.Clean, func(in spec.CleanInput) (string, spec.CleanResult, error) {
		out, err := s.clean(in)
		return "clean", out, err
	})
	fake(s, control.Format, func(in spec.FormatInput) (string, spec.AdapterDataset, error) {
		s.planted = in.Canaries
		return fmt.Sprintf("format %s", in.Plan.Name), spec.AdapterDataset{Adapter: in.Plan.Name, Dataset: ref(spec.KindDataset, "2"), TrainRows: 8, EvalRows: 1}, nil
	})
	fake(s, control.ImportBase, func(spec.BaseSource) (string, spec.ArtifactRef, error) {
		return "import", ref(spec.KindBaseModel, "b"), nil
	})
	fake(s, control.CollectCorpus, func(in spec.PretrainInput) (string, spec.CorpusResult, error) {
		return "corpus", spec.CorpusResult{Corpus: ref(spec.KindCorpus, "3"), TrainDocs: 12}, nil
	})
	fake(s, control.FindPretrained, func(in spec.PretrainTarget) (string, spec.PretrainResult, error) {
		out, err := s.pretrained(in)
		return "find pretrained", out, err
	})
	fake(s, device.PretrainSegment, func(in spec.PretrainSegmentInput) (string, spec.PretrainSegmentResult, error) {
		out, err := s.pretrain(in)
		return fmt.Sprintf("pretrain %d", in.UntilStep), out, err
	})
	fake(s, control.FindAdapter, func(in spec.AdapterInput) (string, spec.AdapterResult, error) {
		out, err := s.find(in)
		return fmt.Sprintf("find %s", in.Plan.Name), out, err
	})
	fake(s, device.TrainSegment, func(in spec.SegmentInput) (string, spec.SegmentResult, error) {
		out, err := s.train(in)
		return fmt.Sprintf("train %s %d", in.Plan.Name, in.UntilStep), out, err
	})
	fake(s, control.FindMerged, func(in spec.MergeInput) (string, spec.MergeResult, error) {
		out, err := s.merged(in)
		return "find merged", out, err
	})
	fake(s, device.MergeAdapters, func(in spec.MergeInput) (string, spec.MergeResult, error) {
		out, err := s.merge(in)
		return "merge", out, err
	})
	fake(s, control.FindDistilled, func(in spec.DistillTarget) (string, spec.DistillResult, error) {
		out, err := s.distilled(in)
		return fmt.Sprintf("find %s", in.Name()), out, err
	})
	fake(s, device.DistillSegment, func(in spec.DistillSegmentInput) (string, spec.DistillSegmentResult, error) {
		out, err := s.distill(in)
		return fmt.Sprintf("train %s %d", in.Name(), in.UntilStep), out, err
	})
	fake(s, control.FindTeacher, func(in spec.DistillTarget) (string, spec.TeacherResult, error) {
		out, err := s.answered(in)
		return "find teacher", out, err
	})
	fake(s, device.RecordTeacher, func(in spec.TeacherInput) (string, spec.TeacherResult, error) {
		out, err := s.asked(in)
		return "ask teacher", out, err
	})
	fake(s, control.WriteExport, func(in spec.ExportInput) (string, spec.Exported, error) {
		out, err := s.exported(in)
		return fmt.Sprintf("write %s", in.Plan), out, err
	})
	fake(s, control.DeliverExport, func(in spec.DeliverInput) (string, spec.Exported, error) {
		out, err := s.laid(in)
		return fmt.Sprintf("lay down %s", in.Plan), out, err
	})
	fake(s, control.FindScore, func(in spec.EvaluateTargetInput) (string, spec.AdapterScore, error) {
		return fmt.Sprintf("find score %s", in.Target.Name), spec.AdapterScore{}, nil
	})
	fake(s, device.EvaluateTarget, func(in spec.EvaluateTargetInput) (string, spec.AdapterScore, error) {
		out, err := s.score(in)
		return fmt.Sprintf("evaluate %s", in.Target.Name), out, err
	})
	fake(s, control.CollectChoices, func(in spec.EvaluateInput) (string, spec.ArtifactRef, error) {
		out, err := s.frozen(in)
		return "freeze choices", out, err
	})
	fake(s, control.FindMemory, func(in spec.EvaluateTargetInput) (string, spec.MemoryResult, error) {
		out, err := s.recalled(in)
		return fmt.Sprintf("find memory of %s", in.Target.Name), out, err
	})
	fake(s, device.AskMemory, func(in spec.EvaluateTargetInput) (string, spec.MemoryResult, error) {
		return fmt.Sprintf("ask memory of %s", in.Target.Name), spec.MemoryResult{Found: spec.Estimate{Value: 1}, Report: ref(spec.KindReport, "6")}, nil
	})
	fake(s, control.AskJudge, func(in spec.JudgeInput) (string, spec.JudgeResult, error) {
		return fmt.Sprintf("ask judge %s about %s", in.Plan.Model, in.Target), spec.JudgeResult{Model: in.Plan.Model, Missing: "no reply"}, nil
	})
	fake(s, control.WriteReport, func(spec.ReportInput) (string, spec.ArtifactRef, error) {
		return "report", ref(spec.KindReport, "e"), nil
	})
	fake(s, control.BuildCandidate, func(in spec.CandidateInput) (string, spec.ArtifactRef, error) {
		s.proposed = in
		return "candidate", candidate, nil
	})
	fake(s, control.FindIncumbents, func(spec.IncumbentsInput) (string, spec.Incumbents, error) {
		return "find served", s.served, nil
	})
	fake(s, control.JudgeCandidate, func(in spec.GateInput) (string, spec.GateResult, error) {
		out, err := s.judge(in)
		return "judge", out, err
	})
	s.OnActivity(control.Notify, mock.Anything, mock.Anything).Return(func(_ context.Context, n spec.Notice) (spec.Notice, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = append(s.told, n)
		return n, s.deaf
	}).Maybe()
	fake(s, control.RecordDrift, func(in spec.DriftInput) (string, spec.DriftResult, error) {
		out, err := s.drifted(in)
		return "keep drift", out, err
	})
	fake(s, control.FindRelease, func(in spec.ReleaseInput) (string, spec.ReleaseResult, error) {
		out, err := s.released(in)
		return "find release", out, err
	})
	fake(s, control.Release, func(in spec.ReleaseInput) (string, spec.ReleaseResult, error) {
		out, err := s.flipped(in)
		return "release by " + in.Decision.Signers(), out, err
	})
	fake(s, control.OfferCandidate, func(in spec.OfferInput) (string, spec.ArtifactRef, error) {
		s.offered = in
		return "offer", in.Candidate, nil
	})
	fake(s, control.RecordDecision, func(in spec.DecisionInput) (string, spec.ArtifactRef, error) {
		return "record " + string(in.Decision.Verdict), ref(spec.KindDecision, "f"), nil
	})
	fake(s, device.SmokeTest, func(in spec.SmokeInput) (string, spec.SmokeResult, error) {
		out, err := s.smoked(in)
		return fmt.Sprintf("ask %s %q", in.Target.Name, in.Question), out, err
	})
	fake(s, control.TakeBack, func(in spec.TakeBackInput) (string, spec.ReleaseResult, error) {
		return "take back: " + in.Reason, spec.ReleaseResult{Channel: in.Channel, TakenBack: in.Reason}, nil
	})
	return s
}

// fake replaces an activity by a function that also says what to note.
func fake[In, Out any](s *scene, activity func(context.Context, In) (Out, error), do func(In) (string, Out, error)) {
	s.OnActivity(activity, mock.Anything, mock.Anything).Return(func(_ context.Context, in In) (Out, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		note, out, err := do(in)
		s.calls = append(s.calls, note)
		return out, err
	}).Maybe()
}

// segmentTo is a segment that ended at a step.
func segmentTo(in spec.SegmentInput, step int64) spec.SegmentResult {
	result := spec.SegmentResult{Outcome: spec.TrainOutcome{Step: step, TotalSteps: totalSteps, Done: step == totalSteps, Loss: 0.5}}
	if result.Outcome.Done {
		result.Adapter = adapterOf(in.Plan.Name)
	}
	return result
}

func adapterOf(name spec.AdapterName) spec.ArtifactRef {
	return ref(spec.KindAdapter, map[spec.AdapterName]string{"general": "a", "patient": "d"}[name])
}

func pipelineInput() spec.PipelineInput {
	plan := func(name spec.AdapterName, audience spec.Audience) spec.AdapterPlan {
		return spec.AdapterPlan{Name: name, Audience: audience, SegmentSteps: 10, LoRA: spec.LoRAConfig{R: 8}}
	}
	return spec.PipelineInput{
		Run: "run-1", Name: "nightly", Base: spec.BaseSource{Path: "models/tiny"},
		Adapters: []spec.AdapterPlan{plan("general", spec.General), plan("patient", spec.Patient)},
		Prepare:  spec.PrepareConfig{Sources: []spec.DataSource{{Path: "rows.csv"}}},
		Release:  spec.ReleasePlan{Channel: "stable"},
	}
}

func approvalOf(candidate spec.Digest) spec.Decision {
	return spec.Decision{Verdict: spec.Approved, Candidate: candidate, Reviewer: "the reviewer"}
}

// finish gives the result of a pipeline that must have succeeded.
func (s *scene) finish(t *testing.T) spec.PipelineResult {
	t.Helper()
	require.True(t, s.IsWorkflowCompleted())
	require.NoError(t, s.GetWorkflowError())
	var result spec.PipelineResult
	require.NoError(t, s.GetWorkflowResult(&result))
	return result
}

// kind gives the fault kind that the workflow failed with.
func (s *scene) kind(t *testing.T) fault.Kind {
	t.Helper()
	require.True(t, s.IsWorkflowCompleted())
	require.Error(t, s.GetWorkflowError())
	return kindOf(s.GetWorkflowError())
}

func failed(kind fault.Kind) error {
	return temporal.NewApplicationError("it did not work", string(kind))
}
