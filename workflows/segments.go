package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"elara/spec"
)

// segmentsPerRun bounds the history of one run: a segment is about a dozen events, the server warns at 10,240.
const segmentsPerRun = 200

// skippedKept is how many reasons for skipped checkpoints are shown and carried along.
const skippedKept = 10

// Segmented is what a training in segments, of whatever kind, carries from one run of its workflow to the next.
type Segmented struct {
	Segments int               `json:"segments"` // finished ones, over all runs of the workflow
	Outcome  spec.TrainOutcome `json:"outcome"`  // of the last segment
	Skipped  []string          `json:"skipped,omitempty"`
}

// inSegments trains segment after segment. Where it ends without an error and not with the last one, the history has become long,
// and the workflow is to continue as a new run.
func inSegments[R any](ctx workflow.Context, s *Segmented, train func(workflow.Context) (R, error)) (last R, err error) {
	for range segmentsPerRun {
		if last, err = train(ctx); err != nil || s.Outcome.Done {
			break
		}
	}
	return last, err
}

// take takes a finished segment into the state.
func (s *Segmented) take(segment spec.SegmentResult) {
	s.Segments++
	s.Outcome = segment.Outcome
	s.Skipped = append(s.Skipped, segment.Skipped...)
	if extra := len(s.Skipped) - skippedKept; extra > 0 {
		s.Skipped = s.Skipped[extra:]
	}
}

// publish makes the training findable by where it is, once per segment. also are the attributes of its kind.
func (s *Segmented) publish(ctx workflow.Context, also ...temporal.SearchAttributeUpdate) error {
	updates := []temporal.SearchAttributeUpdate{ElaraStep.ValueSet(s.Outcome.Step)}
	if s.Outcome.EvalLoss != 0 {
		updates = append(updates, ElaraEvalLoss.ValueSet(s.Outcome.EvalLoss))
	}
	return workflow.UpsertTypedSearchAttributes(ctx, append(updates, also...)...)
}

// answer makes the training answer the progress query, as a stage of an adapter.
func (s *Segmented) answer(ctx workflow.Context, stage string, name spec.AdapterName) error {
	return workflow.SetQueryHandlerWithOptions(ctx, ProgressQuery, func() (spec.Progress, error) {
		return spec.Progress{
			Stage: stage, Adapter: name,
			Step: s.Outcome.Step, TotalSteps: s.Outcome.TotalSteps,
			Loss: s.Outcome.Loss, EvalLoss: s.Outcome.EvalLoss,
			CheckpointStep: s.Outcome.Step,
		}, nil
	}, workflow.QueryHandlerOptions{Description: "progress as of the last finished segment"})
}

// details is what trainings of every kind have to tell in the Temporal UI.
func (s *Segmented) details(b *strings.Builder, last spec.SegmentResult) {
	fmt.Fprintf(b, "- loss %.4f\n", s.Outcome.Loss)
	if s.Outcome.EvalLoss != 0 {
		fmt.Fprintf(b, "- held-out loss %.4f\n", s.Outcome.EvalLoss)
	}
	if last.TokensPerSecond != 0 {
		fmt.Fprintf(b, "- %.0f tokens/s\n", last.TokensPerSecond)
	}
	fmt.Fprintf(b, "- last checkpoint: step %d\n", s.Outcome.Step)
	fmt.Fprintf(b, "- segments: %d, the last one began at step %d\n", s.Segments, last.ResumedFrom)
	for _, reason := range s.Skipped {
		fmt.Fprintf(b, "- skipped a checkpoint: %s\n", reason)
	}
}
