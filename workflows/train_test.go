package workflows

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"elara/spec"
	"elara/spec/fault"
)

func trainState(segmentSteps int64) TrainState {
	plan := pipelineInput().Adapters[0]
	plan.SegmentSteps = segmentSteps
	return TrainState{
		AdapterInput: spec.AdapterInput{Run: "run-1", Plan: plan, Base: ref(spec.KindBaseModel, "b"), Dataset: ref(spec.KindDataset, "2")},
		Queue:        DeviceQueue("", ""),
	}
}

func TestTrainingGoesOnFromWhereASegmentYielded(t *testing.T) {
	s := newScene(t)
	s.train = func(in spec.SegmentInput) (spec.SegmentResult, error) {
		if in.UntilStep == 10 { // its worker was stopped after three steps
			return segmentTo(in, 3), nil
		}
		return segmentTo(in, min(in.UntilStep, totalSteps)), nil
	}
	s.ExecuteWorkflow(TrainAdapter, trainState(10))
	require.NoError(t, s.GetWorkflowError())
	require.Equal(t, []string{"find general", "train general 10", "train general 13", "train general 23", "train general 33"}, s.called())

	var result spec.AdapterResult
	require.NoError(t, s.GetWorkflowResult(&result))
	require.Equal(t, adapterOf("general"), result.Ref)
	require.Equal(t, int64(totalSteps), result.Outcome.Step)
}

func TestTrainingShowsItsProgress(t *testing.T) {
	s := newScene(t)
	s.train = func(in spec.SegmentInput) (spec.SegmentResult, error) {
		if in.UntilStep == 20 {
			value, err := s.QueryWorkflow(ProgressQuery)
			require.NoError(t, err)
			var progress spec.Progress
			require.NoError(t, value.Get(&progress))
			require.Equal(t, spec.Progress{
				Stage: "train", Adapter: "general", Step: 10, TotalSteps: totalSteps, Loss: 0.5, CheckpointStep: 10,
			}, progress)
		}
		return segmentTo(in, min(in.UntilStep, totalSteps)), nil
	}
	s.ExecuteWorkflow(TrainAdapter, trainState(10))
	require.NoError(t, s.GetWorkflowError())
	require.Contains(t, s.called(), "train general 20")
}

func TestLongTrainingContinuesAsNewWithAllItKnows(t *testing.T) {
	s := newScene(t)
	skips := 0
	s.train = func(in spec.SegmentInput) (spec.SegmentResult, error) {
		result := spec.SegmentResult{Outcome: spec.TrainOutcome{Step: in.UntilStep, TotalSteps: 1000, Loss: 0.25, EvalLoss: 0.75}}
		if skips < 12 {
			skips++
			result.Skipped = []string{string(rune('a' + skips - 1))}
		}
		return result, nil
	}
	s.ExecuteWorkflow(TrainAdapter, trainState(1))

	var next *workflow.ContinueAsNewError
	require.True(t, errors.As(s.GetWorkflowError(), &next))
	require.Equal(t, TrainWorkflow, next.WorkflowType.Name)
	var state TrainState
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &state))
	want := trainState(1)
	want.Segments = 200
	want.Outcome = spec.TrainOutcome{Step: 200, TotalSteps: 1000, Loss: 0.25, EvalLoss: 0.75}
	want.Skipped = []string{"c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}
	require.Equal(t, want, state)

	t.Run("and the next run goes on there", func(t *testing.T) {
		s := newScene(t)
		s.train = func(in spec.SegmentInput) (spec.SegmentResult, error) {
			result := segmentTo(in, totalSteps)
			return result, nil
		}
		s.ExecuteWorkflow(TrainAdapter, state)
		require.NoError(t, s.GetWorkflowError())
		require.Equal(t, []string{"train general 201"}, s.called()) // and does not look for an unchanged adapter again
	})
}

// Every field must survive, so every field is filled by reflection: one added later is tested without a change here.
func TestTrainStateSurvivesTheWire(t *testing.T) {
	var state TrainState
	fill(t, reflect.ValueOf(&state).Elem())
	text, err := json.Marshal(state)
	require.NoError(t, err)
	var again TrainState
	require.NoError(t, json.Unmarshal(text, &again))
	require.Equal(t, state, again)
}

func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		if _, isTime := v.Interface().(time.Time); isTime {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 28, 12, 0, 0, 1, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(41)
	case reflect.Uint8:
		v.SetUint('a')
	case reflect.Float64:
		v.SetFloat(0.125)
	default:
		t.Fatalf("no value for a field of type %s", v.Type())
	}
}

func TestUnchangedAdapterTakesNoDevice(t *testing.T) {
	s := newScene(t)
	s.find = func(in spec.AdapterInput) (spec.AdapterResult, error) {
		return spec.AdapterResult{Adapter: in.Plan.Name, Ref: adapterOf("general"), Unchanged: "same everything"}, nil
	}
	s.ExecuteWorkflow(TrainAdapter, trainState(10))
	require.NoError(t, s.GetWorkflowError())
	require.Equal(t, []string{"find general"}, s.called())
}

func TestWhichFailuresAreTriedAgain(t *testing.T) {
	for kind, again := range map[fault.Kind]bool{
		fault.Invalid: false, fault.NotFound: false, fault.Corrupt: false, fault.Diverged: false,
		fault.Transient: true, fault.Preempted: true, fault.Conflict: true, fault.OutOfMemory: true, "Unknown": true,
	} {
		t.Run(string(kind), func(t *testing.T) {
			s := newScene(t)
			attempts := 0
			s.train = func(in spec.SegmentInput) (spec.SegmentResult, error) {
				attempts++
				if attempts <= 8 { // the test environment itself ends after ten
					return spec.SegmentResult{}, failed(kind)
				}
				return segmentTo(in, totalSteps), nil
			}
			s.ExecuteWorkflow(TrainAdapter, trainState(10))
			if again {
				require.NoError(t, s.GetWorkflowError())
				require.Equal(t, 9, attempts)
			} else {
				require.Equal(t, kind, s.kind(t))
				require.Equal(t, 1, attempts)
			}
		})
	}
}

func TestFinalFailureOfARetryableKindIsFinal(t *testing.T) {
	s := newScene(t)
	attempts := 0
	s.train = func(spec.SegmentInput) (spec.SegmentResult, error) {
		attempts++
		return spec.SegmentResult{}, temporal.NewNonRetryableApplicationError("no room", string(fault.OutOfMemory), nil)
	}
	s.ExecuteWorkflow(TrainAdapter, trainState(10))
	require.Equal(t, fault.OutOfMemory, s.kind(t))
	require.Equal(t, 1, attempts)
}
