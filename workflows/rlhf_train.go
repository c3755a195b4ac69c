package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// FeedbackState is the input of the workflow of a training from judgements and all that it carries from one of its runs to the next.
type FeedbackState struct {
	spec.FeedbackInput
	Segmented
}

// TrainFromFeedback trains a reward model or a policy in segments, as TrainAdapter does.
func TrainFromFeedback(ctx workflow.Context, state FeedbackState) (spec.FeedbackResult, error) {
	if err := state.answer(ctx, state.Part, state.Adapter.Name); err != nil {
		return spec.FeedbackResult{}, err
	}
	if state.Segments == 0 {
		var a *activities.Control
		found, err := call(ctx, quick("was the same trained before"), a.FindFeedback, state.FeedbackInput)
		if err != nil || found.Unchanged != "" {
			return found, err
		}
	}
	last, err := inSegments(ctx, &state.Segmented, state.train)
	if err != nil {
		return spec.FeedbackResult{}, err
	}
	if !state.Outcome.Done {
		return spec.FeedbackResult{}, workflow.NewContinueAsNewError(ctx, TrainFromFeedback, state)
	}
	return spec.FeedbackResult{Ref: last.Ref, Outcome: last.Outcome, FeedbackFigures: last.FeedbackFigures}, nil
}

// train runs one segment and takes its outcome into the state.
func (s *FeedbackState) train(ctx workflow.Context) (spec.FeedbackSegmentResult, error) {
	var a *activities.Device
	until := s.Outcome.Step + s.Plan.SegmentSteps
	segment, err := call(ctx, device(DeviceQueue(s.TrainQueue, s.Plan.Device), fmt.Sprintf("%s of %s up to step %d", s.Part, s.Adapter.Name, until)),
		a.FeedbackSegment, spec.FeedbackSegmentInput{FeedbackInput: s.FeedbackInput, UntilStep: until})
	if err != nil {
		return segment, err
	}
	s.take(segment.SegmentResult)
	workflow.SetCurrentDetails(ctx, feedbackDetails(*s, segment))
	var updates []temporal.SearchAttributeUpdate
	if segment.Reward != nil {
		updates = append(updates, ElaraReward.ValueSet(*segment.Reward))
	}
	if segment.KL != nil {
		updates = append(updates, ElaraKL.ValueSet(*segment.KL))
	}
	return segment, s.publish(ctx, updates...)
}

// feedbackDetails are the current details of the workflow in the Temporal UI.
func feedbackDetails(s FeedbackState, last spec.FeedbackSegmentResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Stage: **%s: %s**, step **%d of %d**\n\n", s.Adapter.Name, partNames[s.Part], s.Outcome.Step, s.Outcome.TotalSteps)
	if last.Reward != nil {
		fmt.Fprintf(&b, "- mean score %.4f\n", *last.Reward)
	}
	if last.KL != nil {
		fmt.Fprintf(&b, "- KL from the adapter before %.4f nats\n", *last.KL)
	}
	b.WriteString(figureDetails(last.FeedbackFigures))
	s.details(&b, last.SegmentResult)
	return b.String()
}

func figureDetails(f spec.FeedbackFigures) string {
	var b strings.Builder
	if a := f.Accuracy; a != nil {
		fmt.Fprintf(&b, "- right about %.1f %% of the held-out preferences (%.1f to %.1f)\n", 100*a.Value, 100*a.Low, 100*a.High)
	}
	if len(f.Alarms) > 0 {
		fmt.Fprintf(&b, "- **stopped by the guard** (%s): the policy is the last one within its bounds\n", strings.Join(f.Alarms, ", "))
	}
	if !f.Report.IsZero() {
		fmt.Fprintf(&b, "- report `%s`\n", f.Report.Digest.Short())
	}
	return b.String()
}

// details are the current details of the stage of one adapter.
func (r *alignment) details() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s, run %s\n\nStage: **%s**\n\n", r.in.Adapter.Name, r.in.Run, r.part)
	if r.part == spec.StagePreferences {
		fmt.Fprintf(&b, "People are asked: collection `%s`.\n\n", CollectionOf(r.in.Run, r.in.Adapter.Name))
	}
	fmt.Fprintf(&b, "- adapter `%s`\n", r.result.SFT.Digest.Short())
	if c := r.result.Comparisons; !c.Ref.IsZero() {
		fmt.Fprintf(&b, "- %d preferences, %d held out\n", c.Train, c.Held)
	}
	if reward := r.result.Reward; reward != nil {
		fmt.Fprintf(&b, "- reward model `%s`\n%s", reward.Ref.Digest.Short(), figureDetails(reward.FeedbackFigures))
	}
	if policy := r.result.Policy; !policy.Ref.IsZero() {
		fmt.Fprintf(&b, "- policy `%s`\n%s", policy.Ref.Digest.Short(), figureDetails(policy.FeedbackFigures))
	}
	return b.String()
}

// alignedDetails is the stage of one adapter in the details of the pipeline.
func alignedDetails(s spec.RLHFStatus) string {
	switch {
	case len(s.Alarms) > 0:
		return fmt.Sprintf("Aligned %s by %s: adapter `%s`, **stopped by the guard** (%s).\n", s.Adapter, s.Method, s.Policy.Digest.Short(), strings.Join(s.Alarms, ", "))
	case !s.Policy.IsZero():
		return fmt.Sprintf("Aligned %s by %s: adapter `%s`.\n", s.Adapter, s.Method, s.Policy.Digest.Short())
	case s.Collection != "":
		return fmt.Sprintf("Aligning %s by %s; people are asked in collection `%s`.\n", s.Adapter, s.Method, s.Collection)
	}
	return fmt.Sprintf("Aligning %s by %s.\n", s.Adapter, s.Method)
}
