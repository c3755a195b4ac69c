package activities

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/instruct"
	"elara/scoring/memory"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/storage/checkpoint"
	"elara/tests/toy"
)

// distillTarget is a distillation of 20 steps that saves every 5, from an adapter over a base, on two data sets.
func distillTarget(t *testing.T, r *room) spec.DistillTarget {
	t.Helper()
	dataset := func(name string) spec.ArtifactRef {
		return r.publish(t, spec.KindDataset, map[string]string{
			trainFile: `{"text":"` + name + ` 1"}` + "\n" + `{"text":"` + name + ` 2"}` + "\n", evalFile: `{"text":"` + name + ` 3"}` + "\n" + `{"text":"` + name + ` 4"}` + "\n",
		})
	}
	return spec.DistillTarget{DistillInput: spec.DistillInput{
		Run: "run-1", Base: r.publish(t, spec.KindBaseModel, map[string]string{"config.json": "{}", "model.safetensors": "base"}),
		Teacher: r.publish(t, spec.KindAdapter, map[string]string{toy.WeightsFile: "adapter"}), Datasets: []spec.ArtifactRef{dataset("one"), dataset("two")},
		Plan: spec.DistillPlan{
			Teacher: "one", Adapters: []spec.AdapterName{"one", "two"}, MaxRows: 1, SegmentSteps: 10,
			Job: spec.DistillJob{StudentConfig: spec.StudentShape{NumHiddenLayers: 2}, KDRatio: 0.5, Temperature: 1, Args: spec.TrainingArgs{MaxSteps: 20, SaveSteps: 5, Seed: 3}},
		},
	}}
}

func distillTo(t *testing.T, r *room, in spec.DistillTarget, until int64) spec.DistillSegmentResult {
	t.Helper()
	return do(t, r, r.device.DistillSegment, spec.DistillSegmentInput{DistillTarget: in, UntilStep: until})
}

func TestDistillationInSegmentsGivesTheStudentOfAnUnbrokenOne(t *testing.T) {
	calm := newRoom(t)
	want := distillTo(t, calm, distillTarget(t, calm), 100)
	require.True(t, want.Outcome.Done)
	require.Equal(t, spec.KindBaseModel, want.Model.Kind)
	require.Equal(t, 1.0, want.Figures.ToTeacher.Old.Value)

	r := newRoom(t)
	in := distillTarget(t, r)
	first := distillTo(t, r, in, 7)
	require.Equal(t, int64(7), first.Outcome.Step)
	require.Zero(t, first.Model)
	last := distillTo(t, r, in, 100)
	require.Equal(t, int64(7), last.ResumedFrom)
	require.Equal(t, want.Model, last.Model)
	entries, err := checkpoint.List(t.Context(), r.store, "run-1", spec.DistillName)
	require.NoError(t, err)
	require.NotEmpty(t, entries)

	manifest, err := artifact.Load(t.Context(), r.store, last.Model)
	require.NoError(t, err)
	require.Subset(t, manifest.Inputs, []spec.Digest{in.Base.Digest, in.Teacher.Digest, in.Datasets[0].Digest, in.Datasets[1].Digest})
	require.Len(t, manifest.Inputs, 5, "and its configuration")

	t.Run("and a run to come finds it", func(t *testing.T) {
		in.Run, in.Plan.SegmentSteps = "run-2", 3 // not what the student is made of
		found := do(t, r, r.control.FindDistilled, in)
		require.Equal(t, last.Model, found.Student)
		require.Equal(t, last.Figures, found.Figures)
		require.NotEmpty(t, found.Unchanged)
		for name, change := range map[string]func(*spec.DistillTarget){
			"loss":      func(in *spec.DistillTarget) { in.Plan.Job.Beta = 1 },
			"shape":     func(in *spec.DistillTarget) { in.Plan.Job.StudentConfig.NumHiddenLayers = 1 },
			"start":     func(in *spec.DistillTarget) { in.Start = in.Base },
			"base":      func(in *spec.DistillTarget) { in.Base.Digest = in.Teacher.Digest },
			"teacher":   func(in *spec.DistillTarget) { in.Teacher = spec.ArtifactRef{} },
			"data sets": func(in *spec.DistillTarget) { in.Datasets = in.Datasets[:1] },
			"max rows":  func(in *spec.DistillTarget) { in.Plan.MaxRows = 2 },
			"device":    func(in *spec.DistillTarget) { in.Plan.Device = "cuda" },
			"control":   func(in *spec.DistillTarget) { in.Plan.Control = true },
		} {
			changed := in
			change(&changed)
			require.Empty(t, do(t, r, r.control.FindDistilled, changed).Unchanged, name)
		}
	})
}

func TestControlHasNoTeacherAndCheckpointsOfItsOwn(t *testing.T) {
	r := newRoom(t)
	in := distillTarget(t, r)
	in.Plan.Control = true
	alone := in
	alone.IsControl = true
	control := distillTo(t, r, alone, 100)
	require.Equal(t, []float64{0, 0}, []float64{distillTraining(alone).KDRatio, distillTraining(alone).Lmbda})
	alone.Plan.Job.Beta = 1 // nothing to the control
	require.Equal(t, control.Model, do(t, r, r.control.FindDistilled, alone).Student)

	in.Control = control.Model
	student := distillTo(t, r, in, 100)
	require.NotEqual(t, control.Model, student.Model)
	require.NotNil(t, student.Figures.ToControl)
	manifest, err := artifact.Load(t.Context(), r.store, student.Model)
	require.NoError(t, err)
	require.Contains(t, manifest.Inputs, control.Model.Digest)

	in.Control = spec.ArtifactRef{} // whoever looks has not trained it
	require.Equal(t, student.Model, do(t, r, r.control.FindDistilled, in).Student)
}

func TestRowsOfADistillationThatCannotBeReadEndIt(t *testing.T) {
	r := newRoom(t)
	in := distillTarget(t, r)
	in.Datasets[1] = r.publish(t, spec.KindDataset, map[string]string{trainFile: `{"text":`, evalFile: `{"text":"1"}`})
	_, err := try(t, r, r.device.DistillSegment, spec.DistillSegmentInput{DistillTarget: in, UntilStep: 10})
	kind, _ := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.ErrorContains(t, err, "train.jsonl:1")
}

func TestWhatTheTeacherSaysIsKeptPartByPartAndLearntFrom(t *testing.T) {
	r := newRoom(t)
	in := distillTarget(t, r)
	in.Plan.TeacherLogProbs, in.Plan.Job.TopK = true, 8
	in.Datasets = []spec.ArtifactRef{r.publish(t, spec.KindDataset, map[string]string{
		trainFile: strings.Repeat(`{"text":"a row"}`+"\n", partsAtOnce+1), evalFile: `{"text":"1"}` + "\n",
	})}
	require.Empty(t, do(t, r, r.control.FindTeacher, in).Unchanged)
	first := do(t, r, r.device.RecordTeacher, spec.TeacherInput{DistillTarget: in})
	require.Equal(t, []int{partsAtOnce, partsAtOnce + 1}, []int{first.Parts, first.All})
	require.Empty(t, do(t, r, r.control.FindTeacher, in).Unchanged, "it is not all")
	whole := do(t, r, r.device.RecordTeacher, spec.TeacherInput{DistillTarget: in, SoFar: first.Ref})
	require.Equal(t, whole.All, whole.Parts)
	require.Subset(t, r.names(t, whole.Ref), r.names(t, first.Ref))
	found := do(t, r, r.control.FindTeacher, in)
	require.NotEmpty(t, found.Unchanged)
	require.Equal(t, whole.Ref, found.Ref)

	in.LogProbs = whole.Ref
	student := distillTo(t, r, in, 100)
	manifest, err := artifact.Load(t.Context(), r.store, student.Model)
	require.NoError(t, err)
	require.Contains(t, manifest.Inputs, whole.Ref.Digest)
	for name, change := range map[string]func(*spec.DistillTarget){
		"temperature": func(in *spec.DistillTarget) { in.Plan.Job.Temperature = 2 },
		"top k":       func(in *spec.DistillTarget) { in.Plan.Job.TopK = 9 },
		"teacher":     func(in *spec.DistillTarget) { in.Teacher = spec.ArtifactRef{} },
		"reading":     func(in *spec.DistillTarget) { in.Plan.Job.AppendEOS = true },
	} {
		changed := in
		change(&changed)
		require.Empty(t, do(t, r, r.control.FindTeacher, changed).Unchanged, name)
	}
	in.Plan.Job.Beta = 1 // is about the student
	require.NotEmpty(t, do(t, r, r.control.FindTeacher, in).Unchanged)
}

// Canaries are planted to find out what an adapter has by heart. A student that is shipped has no use for them.
func TestAStudentIsTaughtNoCanaries(t *testing.T) {
	canaries, err := memory.Canaries(spec.CanaryPlan{Count: 1, Candidates: 100})
	require.NoError(t, err)
	planted, err := memory.Texts(canaries, spec.Patient)
	require.NoError(t, err)
	kept, err := instruct.Guide().Text("What is gout?", "Crystals.", spec.Patient)
	require.NoError(t, err)
	folder := t.TempDir()
	from, to := filepath.Join(folder, trainFile), filepath.Join(folder, "joined.jsonl")
	require.NoError(t, writeTexts(from, append([]string{kept}, planted...)))
	require.NoError(t, joinRows(t.Context(), to, []string{from}, everyRow))
	joined, err := readTexts(t.Context(), folder, "joined.jsonl")
	require.NoError(t, err)
	require.Equal(t, []string{kept}, joined)
}
