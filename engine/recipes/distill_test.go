//go:build torch

package recipes

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/instruct"
	"elara/data/tokenizer"
	"elara/spec"
	"elara/spec/fault"
)

// smallDistillation makes a student of two of the tiny model's three layers and trains it for eight steps.
func smallDistillation(t *testing.T, teacher string) spec.DistillJob {
	t.Helper()
	dir := t.TempDir()
	var dialogues []string
	for _, q := range questions {
		dialogues = append(dialogues, "<|user|>"+q[:12]+"\n"+instruct.AssistantMarker+q[12:])
	}
	job := spec.DistillJob{
		TeacherModel: teacher, StudentModel: filepath.Join(dir, "student"), StudentConfig: spec.StudentShape{NumHiddenLayers: 2},
		OutputDir: filepath.Join(dir, "model"), TrainDataPath: textsFile(t, dialogues...), MaxLength: 96, AppendEOS: true, CompletionOnlyLoss: true,
		Beta: 0.5, Temperature: 0.9, KDRatio: 0.8, MaxNewTokens: 8, TopK: 8, Args: smallJob(t, teacher).Args,
	}
	return job
}

// sharpModel is a tiny model whose distributions are far from even.
func sharpModel(t *testing.T, r *Runner) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sharp")
	alphabet := tokenizer.ByteAlphabet()
	require.NoError(t, r.tinyModel(dir, alphabet[:], 260, 0.2))
	return dir
}

func madeStudent(t *testing.T, r *Runner, job spec.DistillJob) error {
	t.Helper()
	digest, err := baseDigest(job.TeacherModel)
	require.NoError(t, err)
	return r.makeStudent(job, digest)
}

func distilled(t *testing.T, r *Runner, job spec.DistillJob) (spec.DistillOutcome, map[string]string) {
	t.Helper()
	outcome, err := r.Distill(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	require.True(t, outcome.Done)
	return outcome, folderBytes(t, job.OutputDir)
}

// ways are the four trainings: with the teacher beside the student, from its log-probabilities, on the student's own answers, and
// without it.
func ways() map[string]func(t *testing.T, job *spec.DistillJob) {
	return map[string]func(t *testing.T, job *spec.DistillJob){
		"online":              func(*testing.T, *spec.DistillJob) {},
		"offline":             func(t *testing.T, job *spec.DistillJob) { job.TeacherLogProbs = filepath.Join(t.TempDir(), "logprobs") },
		"on own answers":      func(_ *testing.T, job *spec.DistillJob) { job.Lmbda, job.KDRatio = 0.5, 1 },
		"without the teacher": func(_ *testing.T, job *spec.DistillJob) { job.KDRatio = 0 },
	}
}

func TestResumedDistillationEqualsTheUnbrokenOneAtEveryStep(t *testing.T) {
	r := newRunner(t)
	teacher := sharpModel(t, r)
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			job := smallDistillation(t, teacher)
			way(t, &job)
			unbroken := &recorder{}
			outcome, err := r.Distill(t.Context(), job, nil, unbroken)
			require.NoError(t, err)
			require.True(t, outcome.Done)
			want := folderBytes(t, job.OutputDir)
			for _, kill := range []int64{1, 4, 7} {
				again := smallDistillation(t, teacher)
				again.TrainDataPath = job.TrainDataPath
				way(t, &again)
				first := &recorder{yieldAt: kill}
				outcome, err := newRunner(t).Distill(t.Context(), again, nil, first)
				require.NoError(t, err)
				require.False(t, outcome.Done)
				require.NoDirExists(t, again.OutputDir)
				snapshot, second := first.saved[kill], &recorder{}
				outcome, err = newRunner(t).Distill(t.Context(), again, &snapshot, second)
				require.NoError(t, err)
				require.True(t, outcome.Done)
				requireSameFiles(t, unbroken.saved[8].Files, second.saved[8].Files, "at the last step")
				require.Equal(t, want, folderBytes(t, again.OutputDir), "killed after step %d", kill)
			}
		})
	}
}

// A student with all layers of its teacher is the teacher: there is nothing to learn, and no gradient.
func TestAStudentThatIsItsTeacherHasNothingToLearn(t *testing.T) {
	r := newRunner(t)
	job := smallDistillation(t, sharpModel(t, r))
	job.StudentConfig, job.StudentModel, job.KDRatio = spec.StudentShape{}, job.TeacherModel, 1
	job.Args.LoggingSteps, job.Args.WeightDecay, job.Args.AdamEpsilon = 1, 0, 1
	for _, logProbs := range []string{"", filepath.Join(t.TempDir(), "logprobs")} {
		for _, beta := range []float64{0, 0.5, 1} {
			job.Beta, job.TeacherLogProbs, job.OutputDir = beta, logProbs, filepath.Join(t.TempDir(), "model")
			_, files := distilled(t, r, job)
			for _, entry := range losses(t, files) {
				require.InDelta(t, 0, entry["loss"], 1e-5)
				require.InDelta(t, 0, entry["grad_norm"], 1e-3)
			}
		}
	}
}

// losses gives the entries of trainer_state.json that have a loss.
func losses(t *testing.T, files map[string]string) (out []map[string]float64) {
	t.Helper()
	var state struct {
		LogHistory []map[string]float64 `json:"log_history"`
	}
	require.NoError(t, json.Unmarshal([]byte(files["trainer_state.json"]), &state))
	for _, entry := range state.LogHistory {
		if _, found := entry["loss"]; found {
			out = append(out, entry)
		}
	}
	require.NotEmpty(t, out)
	return out
}

func TestAStudentComesNearerToItsTeacherAndTheReportSaysSo(t *testing.T) {
	r := newRunner(t)
	for name, way := range ways() {
		if name == "without the teacher" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			job := smallDistillation(t, sharpModel(t, r))
			way(t, &job)
			job.KDRatio, job.EvalDataPath, job.Args.MaxSteps, job.Args.LoggingSteps = 1, job.TrainDataPath, 60, 1
			job.ControlModel = job.TeacherModel // stands for a model of its own
			outcome, files := distilled(t, r, job)
			all := losses(t, files)
			require.Less(t, all[len(all)-1]["divergence"], 0.5*all[0]["divergence"])
			report := outcome.Report
			require.EqualValues(t, 8, report.Rows)
			require.InDelta(t, report.ToTeacher.New.Value, report.Student, 1e-9)
			require.InDelta(t, report.ToTeacher.Old.Value-report.Student, report.ToTeacher.Gain.Value, 1e-9)
			require.Equal(t, report.ToTeacher.Gain, report.ToControl.Gain)
			require.Contains(t, files, reportFile)
		})
	}
}

// Where k is one less than the vocabulary the last class is one word, and nothing is lost.
func TestLogProbabilitiesOfAllWordsTeachWhatTheTeacherItselfDoes(t *testing.T) {
	r := newRunner(t)
	online := smallDistillation(t, sharpModel(t, r))
	online.Args.LoggingSteps = 1
	offline := online
	offline.TeacherLogProbs, offline.TopK, offline.OutputDir = filepath.Join(t.TempDir(), "logprobs"), 259, filepath.Join(t.TempDir(), "model")
	_, one := distilled(t, r, online)
	_, other := distilled(t, r, offline)
	want, got := losses(t, one), losses(t, other)
	require.Len(t, got, len(want))
	for i := range want {
		require.InDelta(t, want[i]["loss"], got[i]["loss"], 1e-5)
		require.InEpsilon(t, want[i]["grad_norm"], got[i]["grad_norm"], 1e-3)
	}
}

func TestTheTeachersLogProbabilitiesAreMadeInParts(t *testing.T) {
	r := newRunner(t)
	job := smallDistillation(t, sharpModel(t, r))
	var many []string
	for i := range 2*rowsPerPart + 9 {
		many = append(many, "<|user|>"+questions[i%8][:5]+instruct.AssistantMarker+questions[i%8][:6+i%7])
	}
	job.TrainDataPath, job.TeacherLogProbs = textsFile(t, many...), filepath.Join(t.TempDir(), "logprobs")
	d, err := r.beginDistillation(t.Context(), job)
	require.NoError(t, err)
	record := func() error {
		_, err := d.record(t.Context(), allParts, func(spec.Progress) {})
		return err
	}
	require.NoError(t, record())
	want := folderBytes(t, job.TeacherLogProbs)
	require.Len(t, want, 4)

	// Cut after the first part, with half of the second one on the disk.
	var list recorded
	require.NoError(t, json.Unmarshal([]byte(want[recordedFile]), &list))
	list.Parts = list.Parts[:1]
	short, err := json.Marshal(list)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(job.TeacherLogProbs, recordedFile), short, 0o644))
	require.NoError(t, os.Truncate(filepath.Join(job.TeacherLogProbs, "teacher-00001.bin"), 100))
	require.NoError(t, os.Remove(filepath.Join(job.TeacherLogProbs, "teacher-00002.bin")))
	require.NoError(t, record())
	require.Equal(t, want, folderBytes(t, job.TeacherLogProbs))

	whole := job.TeacherLogProbs
	job.TeacherLogProbs = filepath.Join(t.TempDir(), "logprobs")
	for i := range 3 {
		parts, all, err := r.RecordTeacher(t.Context(), job, 1, func(spec.Progress) {})
		require.NoError(t, err)
		require.Equal(t, []int{i + 1, 3}, []int{parts, all})
	}
	require.Equal(t, want, folderBytes(t, job.TeacherLogProbs), "part by part")
	job.TeacherLogProbs = whole

	require.NoError(t, os.Truncate(filepath.Join(job.TeacherLogProbs, "teacher-00001.bin"), 100))
	require.Equal(t, fault.Corrupt, fault.KindOf(record()))
	d.job.Temperature = 2
	require.ErrorContains(t, record(), "made with temperature 0.9, this job has 2")
}

func TestLayersAreKeptEvenly(t *testing.T) {
	for _, c := range []struct {
		layers, n int
		kept      []int
	}{{30, 15, []int{0, 2, 4, 6, 8, 10, 12, 15, 17, 19, 21, 23, 25, 27, 29}}, {4, 2, []int{0, 3}}, {5, 3, []int{0, 2, 4}}, {4, 3, []int{0, 2, 3}}, {3, 1, []int{0}}, {2, 0, []int{0, 1}}} {
		kept, err := keptLayers(c.layers, c.n)
		require.NoError(t, err)
		require.Equal(t, c.kept, kept)
	}
	_, err := keptLayers(3, 4)
	require.ErrorContains(t, err, "num_hidden_layers: 4 of a teacher of 3 layers, expected 1 to 3")
}

func TestAStudentBeginsWithItsTeachersWeights(t *testing.T) {
	r := newRunner(t)
	job := smallDistillation(t, sharpModel(t, r))
	job.StudentConfig = spec.StudentShape{NumHiddenLayers: 2, HiddenSize: 40, IntermediateSize: 100, NumAttentionHeads: 2, NumKeyValueHeads: 1}
	require.NoError(t, madeStudent(t, r, job))
	teacher, student := storedValues(t, r, job.TeacherModel), storedValues(t, r, job.StudentModel)
	require.Len(t, student, 2*9+2)
	for name, of := range map[string]struct {
		name       string
		rows, cols int64 // of the student
		width      int64 // of the teacher
	}{
		"model.embed_tokens.weight":              {"model.embed_tokens.weight", 260, 40, 64},
		"model.layers.0.self_attn.q_proj.weight": {"model.layers.0.self_attn.q_proj.weight", 32, 40, 64},
		"model.layers.1.self_attn.k_proj.weight": {"model.layers.2.self_attn.k_proj.weight", 16, 40, 64},
		"model.layers.1.self_attn.o_proj.weight": {"model.layers.2.self_attn.o_proj.weight", 40, 32, 64},
		"model.layers.1.mlp.down_proj.weight":    {"model.layers.2.mlp.down_proj.weight", 40, 100, 128},
		"model.layers.1.mlp.up_proj.weight":      {"model.layers.2.mlp.up_proj.weight", 100, 40, 64},
		"model.layers.1.input_layernorm.weight":  {"model.layers.2.input_layernorm.weight", 1, 40, 64},
	} {
		var want []float32
		for row := range of.rows {
			want = append(want, teacher[of.name][row*of.width:row*of.width+of.cols]...)
		}
		require.Equal(t, want, student[name], name)
	}
	require.NoError(t, madeStudent(t, r, job), "it is found again")
	job.StudentConfig.NumHiddenLayers = 1
	require.ErrorContains(t, madeStudent(t, r, job), "made of another teacher or in another shape")
}

func storedValues(t *testing.T, r *Runner, dir string) map[string][]float32 {
	t.Helper()
	values := map[string][]float32{}
	over(t, r, dir, func(b *base) error {
		for _, s := range b.model.Stored() {
			values[s.Name] = s.Tensor.Float32s()
		}
		return nil
	})
	return values
}

func TestDistillationLeavesNoTensorsBehind(t *testing.T) {
	r := newRunner(t)
	teacher := sharpModel(t, r)
	for name, way := range ways() {
		job := smallDistillation(t, teacher)
		way(t, &job)
		distilled(t, r, job)
		r.drop()
		require.NoError(t, r.Engine.Do(func() error {
			require.Zero(t, r.Engine.Live(), name)
			return nil
		}))
	}
}

func TestWhatCannotBeDistilledIsRefused(t *testing.T) {
	r := newRunner(t)
	teacher := sharpModel(t, r)
	for name, c := range map[string]struct {
		change func(*spec.DistillJob)
		says   string
	}{
		"another tokenizer":    {func(j *spec.DistillJob) { j.StudentConfig, j.StudentModel = spec.StudentShape{}, toyModel(t, r) }, "expected one tokenizer"},
		"bf16":                 {func(j *spec.DistillJob) { j.Args.BF16 = true }, "expected neither bf16 nor fp16"},
		"answers, offline":     {func(j *spec.DistillJob) { j.Lmbda, j.TeacherLogProbs = 0.5, "x" }, "lmbda: is 0.5"},
		"no prompts":           {func(j *spec.DistillJob) { j.Lmbda, j.CompletionOnlyLoss = 0.5, false }, "rows have no prompt"},
		"beta":                 {func(j *spec.DistillJob) { j.Beta = math.Nextafter(1, 2) }, "beta: is 1"},
		"more layers":          {func(j *spec.DistillJob) { j.StudentConfig.NumHiddenLayers = 4 }, "4 of a teacher of 3 layers"},
		"heads without keys":   {func(j *spec.DistillJob) { j.StudentConfig.NumAttentionHeads = 2 }, "2 heads over 2 key heads, the teacher has 4 over 2"},
		"a top without a rest": {func(j *spec.DistillJob) { j.TopK, j.TeacherLogProbs = 260, filepath.Join(t.TempDir(), "l") }, "top_k is 260 of a vocabulary of 260"},
	} {
		t.Run(name, func(t *testing.T) {
			job := smallDistillation(t, teacher)
			c.change(&job)
			_, err := r.Distill(t.Context(), job, nil, &recorder{})
			require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
			require.ErrorContains(t, err, c.says)
			require.NoDirExists(t, job.OutputDir)
		})
	}
}

func TestTheTeachersAdapterIsPartOfIt(t *testing.T) {
	r := newRunner(t)
	job := smallDistillation(t, sharpModel(t, r))
	adapter := smallJob(t, job.TeacherModel)
	trained(t, r, adapter)
	job.TeacherAdapter, job.StudentConfig, job.StudentModel = adapter.OutputDir, spec.StudentShape{}, job.TeacherModel
	job.KDRatio, job.Args.MaxSteps, job.Args.LoggingSteps = 1, 1, 1
	_, files := distilled(t, r, job)
	online := losses(t, files)[0]["loss"]
	require.Greater(t, online, 1e-4, "the student is the base alone")
	job.TeacherLogProbs, job.TopK, job.OutputDir = filepath.Join(t.TempDir(), "logprobs"), 259, filepath.Join(t.TempDir(), "model")
	_, files = distilled(t, r, job)
	require.InDelta(t, online, losses(t, files)[0]["loss"], 1e-5)
}

func TestAStudentOfGPT2IsMadeByLayers(t *testing.T) {
	r := newRunner(t)
	g := readPretrainGolden(t).Models["gpt2"]
	job := smallDistillation(t, formulaModel(t, r, goldenModel{Config: g.Config, Weights: g.Weights}, 1))
	job.StudentConfig.NumHiddenLayers = 1
	require.NoError(t, madeStudent(t, r, job))
	teacher, student := storedValues(t, r, job.TeacherModel), storedValues(t, r, job.StudentModel)
	require.Less(t, len(student), len(teacher))
	for name, values := range student { // the first layer keeps its number
		require.Equal(t, teacher[name], values, name)
	}
	job.StudentModel, job.StudentConfig.HiddenSize = filepath.Join(t.TempDir(), "narrow"), 8
	require.ErrorContains(t, madeStudent(t, r, job), "a GPT-2 is made smaller by num_hidden_layers alone")
}
