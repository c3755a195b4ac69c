//go:build torch

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/configs"
	"elara/data/instruct"
	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/mem"
	"elara/workflows"
)

const distilledPipeline = `name: distilled
base: {path: model}
prepare: {sources: [{path: rows.csv}]}
defaults:
  lora_config: {r: 2, alpha: 4, target_modules: [q_proj, v_proj]}
  training_args: {max_steps: 2, learning_rate: 0.01}
  max_length: 128
adapters: [{name: patient, audience: patient}]
distill:
  teacher: patient
  student_config: {num_hidden_layers: 1}
  control: true
  TEACHER
  segment_steps: SEGMENT
  training_args: {max_steps: 4, per_device_train_batch_size: 2, learning_rate: 0.01, lmbda: 0, kd_ratio: 0.5, save_steps: 2}
`

// distil trains an adapter and runs the workflow that makes a student of it, with the real engine and so many steps in each activity.
func distil(t *testing.T, s site, store storage.Store, segment, teacher string) (*stages, spec.DistillInput, spec.DistillResult) {
	t.Helper()
	s.write(t, "p.yaml", strings.NewReplacer("SEGMENT", segment, "TEACHER", teacher).Replace(distilledPipeline))
	pipeline, err := configs.LoadPipeline(s.path("p.yaml"), nil)
	require.NoError(t, err)
	hash, err := instruct.Guide().Hash()
	require.NoError(t, err)
	stages := openStages(t, store)
	in := spec.DistillInput{Run: "run-1", Plan: pipeline.Input.Distill}
	var dataset spec.ArtifactRef
	in.Base, dataset, in.Teacher = stages.sft(t, s.path("model"), pipeline.Input.Adapters[0], map[string]string{"template": string(hash), "audience": "patient"})
	in.Datasets = []spec.ArtifactRef{dataset}
	var result spec.DistillResult
	stages.through(t, workflows.Distill, workflows.DistillState{DistillInput: in}, &result)
	return stages, in, result
}

// A student of the tiny model, with one of its layers, learns from an adapter and is exported; how its training is cut into activities
// changes no byte, and a second run finds it.
func TestAStudentLearnsFromAnAdapterAndIsExported(t *testing.T) {
	s := site{dir: t.TempDir()}
	runs(t, "tiny-model", "--out", s.path("model"))
	store := mem.New()
	stages, in, whole := distil(t, s, store, "100", "teacher_logprobs: true")
	_, _, cut := distil(t, s, mem.New(), "3", "teacher_logprobs: true")
	require.Equal(t, whole, cut)
	_, _, beside := distil(t, s, mem.New(), "100", "teacher_logprobs: false")
	require.InDelta(t, whole.Figures.Student, beside.Figures.Student, 0.05, "the teacher beside the student says nearly the same")
	require.Equal(t, whole.Control, beside.Control)
	require.Equal(t, int64(4), whole.Outcome.Step)
	require.NotEqual(t, whole.Control, whole.Student)
	require.Equal(t, []int64{2, 2}, []int64{whole.Figures.Rows, int64(whole.Figures.ToControl.Items)})
	report, err := artifact.ReadFile(t.Context(), store, whole.Student, "distillation.json")
	require.NoError(t, err)
	require.Contains(t, string(report), `"control"`)

	var again spec.DistillResult
	in.Run = "run-2"
	stages.through(t, workflows.Distill, workflows.DistillState{DistillInput: in}, &again)
	require.NotEmpty(t, again.Unchanged)
	require.Equal(t, whole.Student, again.Student)

	export := spec.ExportInput{
		Run: "run-1", Pipeline: "distilled", To: s.path("exports"), Plan: spec.ModelPlan{Model: spec.ModelStudent, Form: spec.FormHF}, Artifact: whole.Student,
	}
	var exported spec.ExportsResult
	stages.through(t, workflows.Export, spec.ExportsInput{Run: "run-1", Exports: []spec.ExportInput{export}}, &exported)
	model := exported.Exports[0].Place
	require.FileExists(t, filepath.Join(model, "chat_template.jinja"), "that of the audience of the rows")
	s.write(t, "rows.jsonl", rowLines)
	runs(t, "score", "--model", model, "--in", s.path("rows.jsonl"), "--out", s.path("scores.jsonl"))
}
