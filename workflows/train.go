package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// TrainState is the input of the training workflow and all that it carries from one of its runs to the next.
type TrainState struct {
	spec.AdapterInput
	Queue    string            `json:"queue"`    // task queue of the device class
	Segments int               `json:"segments"` // finished ones, over all runs of the workflow
	Outcome  spec.TrainOutcome `json:"outcome"`  // of the last segment
	Skipped  []string          `json:"skipped,omitempty"`
}

// segmentsPerRun bounds the history of one run: a segment is about a dozen events, the server warns at 10,240.
const segmentsPerRun = 200

// skippedKept is how many reasons for skipped checkpoints are shown and carried along.
const skippedKept = 10

// TrainAdapter trains one adapter in segments, each an activity that any worker of the queue can take over. Where a
// segment begins is not decided here: it is the newest checkpoint in the store that verifies.
func TrainAdapter(ctx workflow.Context, state TrainState) (spec.AdapterResult, error) {
	if err := workflow.SetQueryHandlerWithOptions(ctx, ProgressQuery,
		func() (spec.Progress, error) { return state.progress(), nil },
		workflow.QueryHandlerOptions{Description: "progress as of the last finished segment"},
	); err != nil {
		return spec.AdapterResult{}, err
	}
	if state.Segments == 0 {
		var a *activities.Control
		found, err := call(ctx, quick("is there an unchanged adapter"), a.FindAdapter, state.AdapterInput)
		if err != nil || found.Unchanged != "" {
			return found, err
		}
	}
	for range segmentsPerRun {
		segment, err := state.train(ctx)
		if err != nil {
			return spec.AdapterResult{}, err
		}
		if segment.Outcome.Done {
			return spec.AdapterResult{Adapter: state.Plan.Name, Ref: segment.Adapter, Outcome: segment.Outcome}, nil
		}
	}
	return spec.AdapterResult{}, workflow.NewContinueAsNewError(ctx, TrainAdapter, state)
}

// train runs one segment and takes its outcome into the state.
func (s *TrainState) train(ctx workflow.Context) (spec.SegmentResult, error) {
	var a *activities.Device
	until := s.Outcome.Step + s.Plan.SegmentSteps
	segment, err := call(ctx, device(s.Queue, fmt.Sprintf("train %s up to step %d", s.Plan.Name, until)), a.TrainSegment,
		spec.SegmentInput{AdapterInput: s.AdapterInput, UntilStep: until})
	if err != nil {
		return segment, err
	}
	s.Segments++
	s.Outcome = segment.Outcome
	s.Skipped = append(s.Skipped, segment.Skipped...)
	if extra := len(s.Skipped) - skippedKept; extra > 0 {
		s.Skipped = s.Skipped[extra:]
	}
	workflow.SetCurrentDetails(ctx, trainDetails(*s, segment))
	return segment, s.publish(ctx)
}

// publish makes the training findable by where it is, once per segment.
func (s *TrainState) publish(ctx workflow.Context) error {
	updates := []temporal.SearchAttributeUpdate{ElaraStep.ValueSet(s.Outcome.Step)}
	if s.Outcome.EvalLoss != 0 {
		updates = append(updates, ElaraEvalLoss.ValueSet(s.Outcome.EvalLoss))
	}
	return workflow.UpsertTypedSearchAttributes(ctx, updates...)
}

func (s *TrainState) progress() spec.Progress {
	return spec.Progress{
		Stage: spec.StageTrain, Adapter: s.Plan.Name,
		Step: s.Outcome.Step, TotalSteps: s.Outcome.TotalSteps,
		Loss: s.Outcome.Loss, EvalLoss: s.Outcome.EvalLoss,
		CheckpointStep: s.Outcome.Step,
	}
}
