package series

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

func TestStepGivesAPointWhereAWindowOrAnEvaluationEnds(t *testing.T) {
	p := spec.Progress{
		Step: 10, Epoch: 0.5, Loss: 9, LoggedLoss: 2.5, LearningRate: 2e-4, GradNorm: 1.25, EvalLoss: 1.75,
		TokensPerSecond: 800, PeakMemoryBytes: 1_931_500_000, MatmulShare: 0.52,
	}
	keys := func(logged, evaluated int64) []Value {
		p.LoggedStep, p.EvalStep = logged, evaluated
		point, due := Of(p, at(7))
		require.Equal(t, due, len(point.Values) > 0)
		return point.Values
	}
	measured := []Value{
		{TrainLoss, 2.5}, {TrainLearningRate, 2e-4}, {TrainGradNorm, 1.25}, {TrainEpoch, 0.5}, {TrainGlobalStep, 10}, {TrainTokens, 800},
		{TrainPeakMemory, 1931.5}, {TrainMatmulShare, 0.52},
	}
	require.Equal(t, measured, keys(10, 0))
	require.Equal(t, append(measured, Value{EvalLoss, 1.75}), keys(10, 10))
	require.Equal(t, []Value{{TrainEpoch, 0.5}, {TrainGlobalStep, 10}, {EvalLoss, 1.75}}, keys(8, 10))
	require.Empty(t, keys(8, 5), "between two of them")
	p.Step = 0
	require.Empty(t, keys(0, 0), "before the first step")
}

func TestWhatATrainingMeasuresItselfIsInItsPoints(t *testing.T) {
	p := spec.Progress{Step: 1, LoggedStep: 1, LoggedLoss: 2, Metrics: map[string]float64{"val/ratio": 1, "objective/kl": 0, "objective/scores": math.NaN()}}
	point, due := Of(p, at(7))
	require.True(t, due)
	require.Equal(t, []Value{{TrainLoss, 2}, {TrainLearningRate, 0}, {TrainEpoch, 0}, {TrainGlobalStep, 1}, {"train/objective/kl", 0}, {"train/val/ratio", 1}}, point.Values)
	line, err := json.Marshal(point)
	require.NoError(t, err)
	var back Point
	require.NoError(t, json.Unmarshal(line, &back))
	require.Equal(t, point, back)

	p.LoggedStep = 0
	_, due = Of(p, at(7))
	require.False(t, due, "within a logging window")
	curve := Curve{Points: []Point{{Step: 1, Values: []Value{{EvalLoss, 1}}}, point}}
	require.Equal(t, []string{TrainLoss, TrainLearningRate, TrainEpoch, TrainGlobalStep, EvalLoss, "train/objective/kl", "train/val/ratio"}, curve.Keys())
}

func TestUnknownAndInfiniteFiguresAreLeftOut(t *testing.T) {
	point, due := Of(spec.Progress{Step: 1, LoggedStep: 1, LoggedLoss: 2, GradNorm: math.Inf(1), LearningRate: math.NaN()}, at(0))
	require.True(t, due)
	require.Equal(t, []Value{{TrainLoss, 2}, {TrainEpoch, 0}, {TrainGlobalStep, 1}}, point.Values)
}

func TestPointIsOneFlatLine(t *testing.T) {
	point := Point{Step: 24, At: time.UnixMilli(1_795_338_001_250).UTC(), Values: []Value{{TrainLoss, 2.5}, {TrainLearningRate, 2e-7}, {EvalLoss, 1.75}}}
	line, err := json.Marshal(point)
	require.NoError(t, err)
	require.Equal(t, `{"step":24,"time":1795338001.250,"train/loss":2.5,"train/learning_rate":2e-7,"eval/loss":1.75}`, string(line))
	var back Point
	require.NoError(t, json.Unmarshal(line, &back))
	require.Equal(t, point, back)

	require.NoError(t, json.Unmarshal([]byte(`{"eval/loss":1,"step":2,"train/loss":3,"later":4}`), &back))
	require.Equal(t, Point{Step: 2, Values: []Value{{TrainLoss, 3}, {EvalLoss, 1}}}, back, "in the order of the keys, without what is not known")
	for _, broken := range []string{`{}`, `{"step":0}`, `{"step":1.5}`, `{"step":"x"}`} {
		require.True(t, fault.Is(json.Unmarshal([]byte(broken), &back), fault.Corrupt), broken)
	}
}

// state is what transformers writes, with the entries of evaluations before and among the steps and the summary at the end.
const state = `{"global_step": 6, "best_metric": null, "log_history": [
	{"epoch": 0, "eval_loss": 4.5, "step": 0},
	{"epoch": 0.2, "grad_norm": 1.5, "learning_rate": 0.0002, "loss": 3.0, "step": 2},
	{"epoch": 0.4, "grad_norm": 1.25, "learning_rate": 0.0001, "loss": 2.0, "step": 4},
	{"epoch": 0.4, "eval_loss": 2.25, "eval_runtime": 0.1, "step": 4},
	{"epoch": 0.5, "loss": 1.5, "objective/kl": 0.5, "note": "x", "alarm/no_eos": 1, "step": 5},
	{"epoch": 0.6, "step": 6, "total_flos": 1.0, "train_loss": 2.5, "train_runtime": 1.0}
]}`

func TestHistoryIsTheLogOfTheCheckpoint(t *testing.T) {
	points, step, err := History([]byte(state))
	require.NoError(t, err)
	require.Equal(t, int64(6), step)
	require.Equal(t, []Point{
		{Step: 2, Values: []Value{{TrainLoss, 3}, {TrainLearningRate, 2e-4}, {TrainGradNorm, 1.5}, {TrainEpoch, 0.2}, {TrainGlobalStep, 2}}},
		{Step: 4, Values: []Value{{TrainLoss, 2}, {TrainLearningRate, 1e-4}, {TrainGradNorm, 1.25}, {TrainEpoch, 0.4}, {TrainGlobalStep, 4}, {EvalLoss, 2.25}}},
		{Step: 5, Values: []Value{{TrainLoss, 1.5}, {TrainEpoch, 0.5}, {TrainGlobalStep, 5}, {"train/alarm/no_eos", 1}, {"train/objective/kl", 0.5}}},
	}, points)
	for _, broken := range []string{"{", `{"log_history":[{"step":4,"loss":1},{"step":2,"loss":1}]}`, `{"log_history":[{"step":-1,"loss":1}]}`, `{"log_history":[{"loss":1}]}`, `{"log_history":[{"step":1.5,"loss":1}]}`} {
		_, _, err := History([]byte(broken))
		require.True(t, fault.Is(err, fault.Corrupt), broken)
		require.ErrorContains(t, err, "trainer_state.json: ")
	}
}

func TestCheckpointsLogRulesAndMeasurementsStay(t *testing.T) {
	log := []Point{{Step: 2, Values: []Value{{TrainLoss, 3}}}, {Step: 4, Values: []Value{{TrainLoss, 2}}}, {Step: 8, Values: []Value{{TrainLoss, 1}}}}
	kept := []Point{
		{Step: 2, At: at(20), Values: []Value{{TrainLoss, 99}, {TrainTokens, 800}}},
		{Step: 3, At: at(30), Values: []Value{{TrainLoss, 98}}}, // of a training that the log knows nothing of
		{Step: 8, At: at(80), Values: []Value{{TrainLoss, 1}, {TrainTokens, 700}}},
		{Step: 10, At: at(100), Values: []Value{{TrainLoss, 0.5}}},
	}
	require.Equal(t, []Point{
		{Step: 2, At: at(20), Values: []Value{{TrainLoss, 3}, {TrainTokens, 800}}},
		{Step: 4, Values: []Value{{TrainLoss, 2}}},
		{Step: 8, At: at(80), Values: []Value{{TrainLoss, 1}, {TrainTokens, 700}}},
	}, Merge(log, kept))
}

func TestConfigKeepsItsOrder(t *testing.T) {
	config, err := ConfigOf(struct {
		Zebra int            `json:"zebra"`
		Ant   map[string]any `json:"ant"`
	}{1, map[string]any{"b": []int{1}, "a": "x"}})
	require.NoError(t, err)
	require.Equal(t, Config{{"zebra", json.RawMessage("1")}, {"ant", json.RawMessage(`{"a":"x","b":[1]}`)}}, config)
	encoded, err := json.Marshal(config)
	require.NoError(t, err)
	require.Equal(t, `{"zebra":1,"ant":{"a":"x","b":[1]}}`, string(encoded))
	for _, none := range []any{3, "x", []int{1}, nil, func() {}} {
		_, err := ConfigOf(none)
		require.True(t, fault.Is(err, fault.Invalid), "%T", none)
	}
}

func TestRestartFollowsAStretchWithoutAnEnd(t *testing.T) {
	run := Run{Attempts: []Attempt{
		{Ended: at(9), LastStep: 50}, // a segment that was asked to stop
		{ResumedFrom: 50},            // killed
		{ResumedFrom: 60},            // killed
		{ResumedFrom: 60, Ended: at(99), LastStep: 100, Done: true},
	}}
	require.Equal(t, []int64{60, 60}, run.Restarts())
	require.True(t, run.Done())
	require.Equal(t, []int64{30}, Run{Attempts: []Attempt{{ResumedFrom: 30}}}.Restarts(), "the stretches before ran elsewhere")
	require.Empty(t, Run{Attempts: []Attempt{{}}}.Restarts())
	require.False(t, Run{}.Done())
}

func TestFileAppearsWholeAndCanBeAppendedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "file")
	require.NoError(t, Replace(path, []byte("old and torn")))
	file, err := Begin(path, []byte("new"))
	require.NoError(t, err)
	_, err = file.WriteString(" and more")
	require.NoError(t, errors.Join(err, file.Close()))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "new and more", string(content))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left beside it")

	taken := filepath.Join(filepath.Dir(path), "folder")
	require.NoError(t, os.MkdirAll(filepath.Join(taken, "x"), 0o755))
	require.Error(t, Replace(taken, nil), "a folder is in its place")
	entries, err = os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 2)
}
