package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// TrainState is the input of the training workflow and all that it carries from one of its runs to the next.
type TrainState struct {
	spec.AdapterInput
	Segmented
	Queue string `json:"queue"` // task queue of the device class
}

// TrainAdapter trains one adapter in segments, each an activity that any worker of the queue can take over. Where a
// segment begins is not decided here: it is the newest checkpoint in the store that verifies.
func TrainAdapter(ctx workflow.Context, state TrainState) (spec.AdapterResult, error) {
	if err := state.answer(ctx, spec.StageTrain, state.Plan.Name); err != nil {
		return spec.AdapterResult{}, err
	}
	if state.Segments == 0 {
		var a *activities.Control
		found, err := call(ctx, quick("is there an unchanged adapter"), a.FindAdapter, state.AdapterInput)
		if err != nil || found.Unchanged != "" {
			return found, err
		}
	}
	last, err := inSegments(ctx, &state.Segmented, state.train)
	if err != nil {
		return spec.AdapterResult{}, err
	}
	if !state.Outcome.Done {
		return spec.AdapterResult{}, workflow.NewContinueAsNewError(ctx, TrainAdapter, state)
	}
	return spec.AdapterResult{Adapter: state.Plan.Name, Ref: last.Adapter, Outcome: last.Outcome}, nil
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
	s.take(segment)
	workflow.SetCurrentDetails(ctx, trainDetails(*s, segment))
	return segment, s.publish(ctx)
}
