package train

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// flow is one run of transformers' Trainer with given losses, from testdata/loop.json, which testdata/peer/loop.py writes.
type flow struct {
	Name                string               `json:"name"`
	Rows                int                  `json:"rows"`
	Args                map[string]any       `json:"args"`
	EvalLosses          []float64            `json:"eval_losses"`
	Patience            int64                `json:"patience"`
	Threshold           float64              `json:"threshold"`
	Log                 []map[string]float64 `json:"log"`
	Measured            []int64              `json:"measured"`
	Saved               []int64              `json:"saved"`
	Ended               int64                `json:"ended"`
	WeightsOf           int64                `json:"weights_of"`
	BestMetric          *float64             `json:"best_metric"`
	BestGlobalStep      *int64               `json:"best_global_step"`
	BestModelCheckpoint *string              `json:"best_model_checkpoint"`
	Counter             int64                `json:"counter"`
}

func readFlows(t *testing.T) []flow {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "loop.json"))
	require.NoError(t, err)
	var flows []flow
	require.NoError(t, json.Unmarshal(data, &flows))
	require.Greater(t, len(flows), 30)
	return flows
}

// arguments turns transformers' arguments into those of the loop, as package configs does.
func (f flow) arguments(t *testing.T) spec.TrainingArgs {
	t.Helper()
	given := map[string]any{}
	for name, value := range f.Args {
		number, isNumber := value.(float64)
		share, hasShare := map[string]string{"logging_steps": "logging_ratio", "eval_steps": "eval_ratio", "save_steps": "save_ratio"}[name]
		if hasShare && isNumber && number < 1 {
			name = share
		}
		given[name] = value
	}
	data, err := json.Marshal(given)
	require.NoError(t, err)
	args := spec.TrainingArgs{EvalStrategy: spec.StrategyNo, TrainSamplingStrategy: spec.SamplingSequential}
	require.NoError(t, json.Unmarshal(data, &args))
	args.EarlyStoppingPatience, args.EarlyStoppingThreshold = f.Patience, f.Threshold
	return args
}

// scripted measures the losses of a flow, by how often it was asked. Its weights are the step they were made at.
type scripted struct {
	fake
	losses []float64
}

func (s *scripted) Evaluate(ctx context.Context) (float64, error) {
	if _, err := s.fake.Evaluate(ctx); err != nil {
		return 0, err
	}
	return s.losses[len(s.evaluated)-1], nil
}

func (s *scripted) Weights() (map[string][]byte, error) {
	return map[string][]byte{"weights": []byte(fmt.Sprint(s.last))}, nil
}

func (s *scripted) Restore(weights map[string][]byte) (err error) {
	s.last, err = strconv.ParseInt(string(weights["weights"]), 10, 64)
	return err
}

func (f flow) loop(t *testing.T, stepper *scripted, observer spec.TrainObserver, resume map[string][]byte) *Loop {
	t.Helper()
	args := f.arguments(t)
	plan, err := NewPlan(args, f.Rows)
	require.NoError(t, err)
	schedule, err := NewSchedule(args, plan.TotalSteps)
	require.NoError(t, err)
	l := &Loop{Args: args, Plan: plan, Schedule: schedule, Stepper: stepper, Observer: observer, State: NewState(args, plan), Evaluate: true, Best: BestOf(resume)}
	if resume != nil {
		l.State, err = DecodeState(resume[StateFile], plan)
		require.NoError(t, err)
	}
	return l
}

func TestFlowIsTransformers(t *testing.T) {
	for _, want := range readFlows(t) {
		t.Run(want.Name, func(t *testing.T) {
			stepper, observer := &scripted{losses: want.EvalLosses}, &keeper{}
			l := want.loop(t, stepper, observer, nil)
			outcome, err := l.Run(t.Context())
			require.NoError(t, err)

			require.Len(t, l.State.LogHistory, len(want.Log))
			for i, entry := range want.Log {
				got := l.State.LogHistory[i]
				require.Equal(t, int64(entry["step"]), got.Step, "entry %d", i)
				require.InDelta(t, entry["epoch"], got.Epoch, 1e-12, "entry %d", i)
				for name, value := range map[string]*float64{"loss": got.Loss, "learning_rate": got.LearningRate, "eval_loss": got.EvalLoss, "train_loss": got.TrainLoss} {
					expected, there := entry[name]
					require.Equal(t, there, value != nil, "entry %d: %s", i, name)
					if there {
						require.InDelta(t, expected, *value, 1e-7, "entry %d: %s", i, name) // the peer sums in float32
					}
				}
			}
			require.Equal(t, want.Measured, append([]int64{}, stepper.evaluated...))
			saved := want.Saved
			if len(saved) == 0 || saved[len(saved)-1] != want.Ended {
				saved = append(saved, want.Ended) // the end is saved always
			}
			require.Equal(t, saved, observer.steps())
			require.Equal(t, want.WeightsOf, stepper.last, "the weights that are left")
			require.Equal(t, want.BestMetric, l.State.BestMetric)
			require.Equal(t, want.BestGlobalStep, l.State.BestGlobalStep)
			require.Equal(t, want.BestModelCheckpoint, l.State.BestModelCheckpoint)
			if want.Patience > 0 {
				require.Equal(t, want.Counter, l.State.Callbacks.EarlyStopping.Attributes.Counter)
			}
			require.True(t, outcome.Done)
			require.Equal(t, []int64{want.Ended, want.Ended}, []int64{outcome.Step, outcome.TotalSteps})
			require.Equal(t, want.Ended < l.Plan.TotalSteps, outcome.StoppedEarly)
		})
	}
}

// Every flow is interrupted after each of its steps in turn and goes on in a loop that knows the snapshot alone.
func TestInterruptedFlowEndsAsTheUndisturbedOne(t *testing.T) {
	for _, f := range readFlows(t) {
		t.Run(f.Name, func(t *testing.T) {
			whole := f.loop(t, &scripted{losses: f.EvalLosses}, &keeper{}, nil)
			wantOutcome, err := whole.Run(t.Context())
			require.NoError(t, err)
			want, err := whole.State.Encode()
			require.NoError(t, err)
			for at := int64(1); at < f.Ended; at++ {
				first := &keeper{yieldAt: at}
				before := &scripted{losses: f.EvalLosses}
				outcome, err := f.loop(t, before, first, nil).Run(t.Context())
				require.NoError(t, err)
				require.False(t, outcome.Done)
				snapshot := first.saved[len(first.saved)-1]
				require.Equal(t, at, snapshot.Step)

				after := &scripted{losses: f.EvalLosses[min(len(f.EvalLosses), len(before.evaluated)):]}
				after.last = at
				l := f.loop(t, after, &keeper{}, snapshot.Files)
				outcome, err = l.Run(t.Context())
				require.NoError(t, err)
				require.Equal(t, wantOutcome, outcome, "after step %d", at)
				require.Equal(t, f.WeightsOf, after.last, "after step %d", at)
				got, err := l.State.Encode()
				require.NoError(t, err)
				require.Equal(t, string(want), string(got), "after step %d", at)
			}
		})
	}
}

// A run that died between its last snapshot and the publishing of its adapter still publishes the best weights.
func TestFinishedRunThatIsResumedRestoresTheBestWeightsAgain(t *testing.T) {
	for _, f := range readFlows(t) {
		if f.Name != "stops after two" && f.Name != "stops at its last step" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			observer := &keeper{}
			want, err := f.loop(t, &scripted{losses: f.EvalLosses}, observer, nil).Run(t.Context())
			require.NoError(t, err)
			again := &scripted{}
			again.last = f.Ended
			got, err := f.loop(t, again, &keeper{}, observer.saved[len(observer.saved)-1].Files).Run(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, f.WeightsOf, again.last)
			require.Zero(t, again.attempts, "nothing was trained")
		})
	}
}

func TestSnapshotWithoutTheBestWeightsIsCorrupt(t *testing.T) {
	for _, f := range readFlows(t) {
		if f.Name != "stops at its last step" {
			continue
		}
		observer := &keeper{}
		_, err := f.loop(t, &scripted{losses: f.EvalLosses}, observer, nil).Run(t.Context())
		require.NoError(t, err)
		files := observer.saved[len(observer.saved)-1].Files
		require.Equal(t, "8", string(files["best_weights"]))
		delete(files, "best_weights")
		_, err = f.loop(t, &scripted{}, &keeper{}, files).Run(t.Context())
		require.Equal(t, fault.Corrupt, fault.KindOf(err))
		require.ErrorContains(t, err, "lacks the weights of the best step, 8")
	}
}

// A run that goes on from a state that did not know early stopping begins to count.
func TestPatienceThatIsAddedToARunBeginsToCount(t *testing.T) {
	f := flow{Rows: 12, Args: map[string]any{
		"per_device_train_batch_size": 3, "gradient_accumulation_steps": 2, "max_steps": 10, "learning_rate": 1, "lr_scheduler_type": "constant",
		"logging_steps": 4, "eval_strategy": "steps", "eval_steps": 1, "save_strategy": "no", "metric_for_best_model": "loss",
	}, EvalLosses: []float64{3, 4, 5, 6, 7}}
	first := &keeper{yieldAt: 2}
	_, err := f.loop(t, &scripted{losses: f.EvalLosses}, first, nil).Run(t.Context())
	require.NoError(t, err)
	f.Patience = 2
	outcome, err := f.loop(t, &scripted{losses: f.EvalLosses[2:]}, &keeper{}, first.saved[0].Files).Run(t.Context())
	require.NoError(t, err)
	require.True(t, outcome.StoppedEarly)
	require.EqualValues(t, 4, outcome.Step)
}
