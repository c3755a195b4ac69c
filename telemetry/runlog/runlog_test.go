package runlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/telemetry/series"
	"elara/telemetry/wandb"
)

// progress is what a training without noise reports: a window ends at every second step, an evaluation at every fourth.
func progress(step int64) spec.Progress {
	p := spec.Progress{Stage: spec.StageTrain, Step: step, TotalSteps: 10, Epoch: float64(step) / 10, LearningRate: 1e-4, GradNorm: 1, TokensPerSecond: 500}
	p.LoggedStep, p.EvalStep = step/2*2, step/4*4
	p.LoggedLoss, p.EvalLoss = 10/float64(max(1, p.LoggedStep)), 12/float64(max(1, p.EvalStep))
	return p
}

// state is the trainer_state.json of a checkpoint of that training.
func state(t *testing.T, until int64) []byte {
	t.Helper()
	var log []string
	for step := int64(2); step <= until; step += 2 {
		log = append(log, fmt.Sprintf(`{"step":%d,"epoch":%v,"loss":%v,"learning_rate":0.0001,"grad_norm":1}`, step, float64(step)/10, 10/float64(step)))
		if step%4 == 0 {
			log = append(log, fmt.Sprintf(`{"step":%d,"epoch":%v,"eval_loss":%v}`, step, float64(step)/10, 12/float64(step)))
		}
	}
	return fmt.Appendf(nil, `{"global_step":%d,"log_history":[%s]}`, until, strings.Join(log, ","))
}

type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.at = c.at.Add(time.Second)
	return c.at
}

func options(dir string, c *clock) Options {
	return Options{
		Dir: dir, Run: "demo-1", Adapter: "patient", Config: map[string]int{"max_length": 512}, ReportTo: Sinks(),
		Now: c.now, PeakMemory: func() int64 { return 2_000_000_000 },
	}
}

func observe(l *Log, from, to int64) {
	for step := from; step <= to; step++ {
		l.Observe(progress(step))
	}
}

// column gives a key's values by step.
func column(points []series.Point, key string) map[int64]float64 {
	column := map[int64]float64{}
	for _, p := range points {
		if value, found := p.Get(key); found {
			column[p.Step] = value
		}
	}
	return column
}

func TestKilledTrainingLeavesOneSeriesWithoutAGap(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	killed, err := Open(options(dir, c))
	require.NoError(t, err)
	observe(killed, 1, 7) // and no Close; the last line is torn
	path := filepath.Join(dir, "demo-1", "patient", SeriesFile)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`{"step":8,"train/lo`)
	require.NoError(t, errors.Join(err, file.Close()))

	o := options(dir, c)
	o.State = state(t, 5)
	again, err := Open(o)
	require.NoError(t, err)
	again.Observe(progress(5)) // the step of the checkpoint itself is no step of this attempt
	observe(again, 6, 10)
	again.Close(true)

	curve, err := Read(filepath.Dir(path))
	require.NoError(t, err)
	require.Equal(t, map[int64]float64{2: 5, 4: 2.5, 6: 10.0 / 6, 8: 1.25, 10: 1}, column(curve.Points, series.TrainLoss))
	require.Equal(t, map[int64]float64{4: 3, 8: 1.5}, column(curve.Points, series.EvalLoss))
	require.Equal(t, map[int64]float64{2: 500, 4: 500, 6: 500, 8: 500, 10: 500}, column(curve.Points, series.TrainTokens))
	require.Equal(t, float64(2000), column(curve.Points, series.TrainPeakMemory)[2])
	require.Equal(t, []int64{5}, curve.Run.Restarts())
	require.True(t, curve.Run.Done())
	require.Equal(t, "demo-1-patient", curve.Run.ID)
	require.Equal(t, DefaultProject, curve.Run.Project)
	require.Equal(t, `{"max_length":512}`, string(mustJSON(t, curve.Run.Config)))
	page, err := os.ReadFile(filepath.Join(dir, "demo-1", ReportFile))
	require.NoError(t, err)
	require.Contains(t, string(page), "patient went on from step 5 after a restart")
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return data
}

func TestAnotherMachineGoesOnWithTheWholeSeries(t *testing.T) {
	o := options(t.TempDir(), newClock())
	o.State = state(t, 6)
	l, err := Open(o)
	require.NoError(t, err)
	observe(l, 7, 10)
	l.Close(true)
	curve, err := Read(o.folder())
	require.NoError(t, err)
	require.Equal(t, map[int64]float64{2: 5, 4: 2.5, 6: 10.0 / 6, 8: 1.25, 10: 1}, column(curve.Points, series.TrainLoss))
	require.Equal(t, map[int64]float64{8: 500, 10: 500}, column(curve.Points, series.TrainTokens), "nobody here knows how fast it was before")
	require.Equal(t, []int64{6}, curve.Run.Restarts())
}

func TestSegmentsThatEndInOrderAreNoRestarts(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	for from := int64(0); from < 10; from += 5 {
		o := options(dir, c)
		if from > 0 {
			o.State = state(t, from)
		}
		l, err := Open(o)
		require.NoError(t, err)
		observe(l, from+1, from+5)
		l.Close(from+5 == 10)
	}
	curve, err := Read(filepath.Join(dir, "demo-1", "patient"))
	require.NoError(t, err)
	require.Empty(t, curve.Run.Restarts())
	require.Len(t, curve.Run.Attempts, 2)
	require.Equal(t, int64(5), curve.Run.Attempts[0].LastStep)
}

func TestBeginningAgainIsTheSameRunUnlessItIsSaidToBeAnother(t *testing.T) {
	ids := func(anew bool) (string, string, string) {
		dir, c := t.TempDir(), newClock()
		open := func(state []byte) string {
			o := options(dir, c)
			o.Anew, o.State = anew, state
			l, err := Open(o)
			require.NoError(t, err)
			observe(l, 1, 3)
			l.Close(false)
			curve, err := Read(o.folder())
			require.NoError(t, err)
			return curve.Run.ID
		}
		return open(nil), open(nil), open(state(t, 2))
	}
	first, second, resumed := ids(false)
	require.Equal(t, []string{"demo-1-patient", "demo-1-patient", "demo-1-patient"}, []string{first, second, resumed})
	first, second, resumed = ids(true)
	require.Regexp(t, `^demo-1-patient-20261122t\d{6}$`, first)
	require.NotEqual(t, first, second)
	require.Equal(t, second, resumed)
}

// failing is a sink that has no room.
type failing struct{ closed *bool }

func (f failing) Write(series.Point) error { return errors.New("no space left") }
func (f failing) Close(bool) error         { *f.closed = true; return nil }

func TestSinkThatFailsIsLeftOutAndSaidOnce(t *testing.T) {
	var notices []string
	o := options(t.TempDir(), newClock())
	o.ReportTo, o.Notice = nil, func(line string) { notices = append(notices, line) }
	l, err := Open(o)
	require.NoError(t, err)
	closed := false
	l.sinks = append([]sink{{"broken", failing{&closed}}}, l.sinks...)
	observe(l, 1, 10)
	require.False(t, closed, "closing may take time, and a training does not wait")
	l.Close(true)
	require.True(t, closed)
	require.Equal(t, []string{"curve of demo-1-patient: broken is left out from step 2 on: no space left"}, notices)
	curve, err := Read(o.folder())
	require.NoError(t, err)
	require.Len(t, curve.Points, 5, "the others go on")
}

func TestOptionsThatCannotBeAreInvalid(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Options)
		text   string
	}{
		"a sink that is not there":    {func(o *Options) { o.ReportTo = []string{"mlflow"} }, `report_to "mlflow": expected tensorboard or wandb`},
		"no folder":                   {func(o *Options) { o.Dir = "" }, "logging_dir: expected a folder"},
		"a name that leaves a folder": {func(o *Options) { o.Adapter = "../x" }, "expected names that a folder and a W&B run can bear"},
		"no name":                     {func(o *Options) { o.Run = "" }, "expected names that a folder and a W&B run can bear"},
		"no configuration":            {func(o *Options) { o.Config = nil }, "configuration of a run: expected a JSON object"},
		"a server without an address": {func(o *Options) { o.WandB = wandb.Options{Server: "x"} }, "W&B server"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t.TempDir(), newClock())
			c.change(&o)
			_, err := Open(o)
			require.ErrorContains(t, err, c.text)
			require.True(t, fault.Is(err, fault.Invalid), "kind %q", fault.KindOf(err))
		})
	}
	o := options(t.TempDir(), newClock())
	o.State = []byte("{")
	_, err := Open(o)
	require.True(t, fault.Is(err, fault.Corrupt))
}

func TestCorruptSeriesIsNamedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		`{"step":2}` + "\n" + `{"step":x}` + "\n": SeriesFile + ":2: ",
		`{"step":2}` + "\n" + `{"step":2}` + "\n": SeriesFile + ":2: step 2 after step 2",
	} {
		o := options(t.TempDir(), newClock())
		l, err := Open(o)
		require.NoError(t, err)
		l.Close(false)
		require.NoError(t, os.WriteFile(filepath.Join(o.folder(), SeriesFile), []byte(text), 0o600))
		_, err = Read(o.folder())
		require.ErrorContains(t, err, want)
		require.True(t, fault.Is(err, fault.Corrupt))
	}
}

func TestTrainingGoesOnWithoutACurveThatCannotBeRead(t *testing.T) {
	var notices []string
	o := options(t.TempDir(), newClock())
	o.Notice = func(line string) { notices = append(notices, line) }
	l, err := Open(o)
	require.NoError(t, err)
	observe(l, 1, 7)
	l.Close(false)
	require.NoError(t, os.WriteFile(filepath.Join(o.folder(), SeriesFile), []byte("\x00\x00\n"), 0o600)) // after a power cut
	o.State = state(t, 6)
	l, err = Open(o)
	require.NoError(t, err)
	observe(l, 7, 10)
	l.Close(true)
	curve, err := Read(o.folder())
	require.NoError(t, err)
	require.Equal(t, map[int64]float64{2: 5, 4: 2.5, 6: 10.0 / 6, 8: 1.25, 10: 1}, column(curve.Points, series.TrainLoss))
	require.Len(t, notices, 1)
	require.Contains(t, notices[0], "what was measured before is left out")
}

func TestWithoutALogNothingIsKept(t *testing.T) {
	var none *Log
	none.Observe(progress(2))
	none.Close(true)
}

func TestDisabledWandBWritesNothing(t *testing.T) {
	o := options(t.TempDir(), newClock())
	o.WandB.Disable = true
	l, err := Open(o)
	require.NoError(t, err)
	l.Close(true)
	require.NoDirExists(t, filepath.Join(o.folder(), WandB))
}

func TestMemoryOfThisProcessIsKnownOnLinux(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("the system has no /proc/self/status")
	}
	require.Greater(t, peakResident(), int64(1_000_000))
}
