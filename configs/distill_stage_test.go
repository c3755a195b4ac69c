package configs

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

func TestPipelineWithADistillationHasAPlanForIt(t *testing.T) {
	withoutVariables(t)
	p, err := LoadPipeline(write(t, "p.yaml", mergingPipeline+"distill:\n  student_config: {num_hidden_layers: 2}\n  training_args: {lmbda: 0, max_steps: 4}\n"), nil)
	require.NoError(t, err)
	got := p.Input.Distill
	require.Equal(t, []any{spec.ModelMerged, p.Input.Merge.Adapters, 2, int64(4), 500, int64(200), "cpu", false},
		[]any{got.Teacher, got.Adapters, got.Job.StudentConfig.NumHiddenLayers, got.Job.Args.MaxSteps, got.MaxRows, got.SegmentSteps, got.Device, got.Control})
	require.Equal(t, []any{0.5, 0.9, 1.0}, []any{got.Job.Beta, got.Job.Temperature, got.Job.KDRatio}, "TRL's defaults")
	require.Equal(t, []any{512, true, false}, []any{got.Job.MaxLength, got.Job.AppendEOS, got.Job.CompletionOnlyLoss}, "as the adapters were taught")

	path := write(t, "p.yaml", smallPipeline+"distill:\n  teacher: urgent\n  student: {path: small}\n  training_args: {lmbda: 0}\n")
	p, err = LoadPipeline(path, nil)
	require.NoError(t, err)
	got = p.Input.Distill
	require.Equal(t, []any{[]spec.AdapterName{"urgent"}, filepath.Join(filepath.Dir(path), "small")}, []any{got.Adapters, got.Student.Path})

	p, err = LoadPipeline(write(t, "p.yaml", smallPipeline), nil)
	require.NoError(t, err)
	require.Zero(t, p.Input.Distill, "without the block there is no such stage")
}

func TestBadDistillationIsRefusedWithThePlace(t *testing.T) {
	withoutVariables(t)
	const student = "  teacher: urgent\n  student_config: {num_hidden_layers: 2}\n"
	for block, want := range map[string]string{
		"  student_config: {num_hidden_layers: 2}\n  training_args: {lmbda: 0}": "p.yaml:19: distill.teacher: is merged, but the pipeline merges nothing: expected the name of an adapter, or a block merge",
		"  teacher: doctor\n  student_config: {num_hidden_layers: 2}":           `p.yaml:20: distill.teacher: no adapter is named "doctor", expected names of this pipeline's adapters`,
		"  teacher: urgent":                                 "p.yaml:19: distill.student_config: the student is made of the teacher or begins as another model: expected one of student_config and student",
		student + "  student: {path: m}":                    "p.yaml:21: distill.student_config: the student is made of the teacher or begins as another model: expected one of student_config and student",
		student + "  training_args: {beta: 1}":              "p.yaml:22: distill.training_args.lmbda: is 0.5, but without completion_only_loss rows have no prompt to answer, expected 0",
		student + "  training_args: {lmbda: 0, bf16: true}": "p.yaml:22: distill.training_args.bf16: is true, but all weights are trained in float32, expected false",
		student + "  teacher_logprobs: true":                "p.yaml:19: distill.training_args.lmbda: is 0.5, but nobody knows the teacher's log-probabilities of answers to come: expected 0 with teacher_logprobs",
		student + "  top_k: 8":                              "p.yaml:22: distill.top_k: is not read: teacher_logprobs is false",
		student + "  max_length: 9":                         `p.yaml:22: distill.max_length: unknown key`,
		student + "  adapters: [urgent, nobody]":            `p.yaml:22: distill.adapters: no adapter is named "nobody", expected names of this pipeline's adapters`,
	} {
		path := write(t, "p.yaml", smallPipeline+"distill:\n"+block+"\n")
		_, err := LoadPipeline(path, nil)
		refused(t, err, path, want)
	}
}

func TestEveryKeyOfADistillationOfAPipelineIsRead(t *testing.T) {
	withoutVariables(t)
	table := (&pipelineReader{}).distillKeys()
	table.keys = slices.DeleteFunc(table.keys, func(k key) bool { // its file proves them
		return k.name == "training_args" || k.name == "student_config"
	})
	var elsewhere []string
	for _, name := range fields(reflect.TypeFor[spec.DistillPlan](), "") {
		if strings.HasPrefix(name, ".Job.") || strings.HasPrefix(name, ".Student.Artifact") {
			elsewhere = append(elsewhere, name)
		}
	}
	base := map[string]any{"teacher": "a", "student.path": "s", "training_args.lmbda": 0}
	prove(t, table, base, func(doc map[string]any) (any, error) {
		if doc["top_k"] != nil {
			doc["teacher_logprobs"] = true
		}
		if _, named := doc["student.name"]; named {
			delete(doc, "student.path") // one of the two
		}
		p, err := withBlock(t, "distill", doc)
		return p.Input.Distill, err
	}, elsewhere...)
}
