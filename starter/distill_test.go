package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

func TestDistillationAndExportHaveTheirPlacesAmongTheStages(t *testing.T) {
	v := training()
	v.Stage, v.Status.Stage = spec.StageDistill, spec.StageDistill
	v.Status.Distill = &spec.DistillStatus{WorkflowID: "distill.demo-1", Teacher: spec.ModelMerged}
	v.Now = spec.Progress{Stage: spec.StageDistill, Adapter: spec.ControlName, Step: 30, TotalSteps: 200, Loss: 2.5, TokensPerSecond: 812}
	require.Contains(t, strings.Join(v.frame(100), "\n"), "● distill    without the teacher: 30 of 200 steps · loss 2.500 · 812 tok/s\n  ○ evaluate\n")
	v.Now = spec.Progress{Stage: spec.StageDistill, Adapter: spec.TeacherName, Step: 3, TotalSteps: 40}
	require.Contains(t, strings.Join(v.frame(100), "\n"), "● distill    the teacher is asked: 3 of 40 parts\n")
	require.Equal(t, "Distil a student of merged: under way\n", distillText(*v.Status.Distill))

	v.Stage, v.Status.Stage = spec.StageExport, spec.StageExport
	v.Status.Distill.Student, v.Status.Distill.Steps = spec.ArtifactRef{Kind: spec.KindBaseModel, Digest: digest("9")}, 200
	v.Status.Distill.Figures = &spec.DistillFigures{Rows: 500, Student: 1.5, ToTeacher: spec.Comparison{
		Old: spec.Estimate{Value: 1.25}, Gain: spec.Estimate{Value: -0.25, Low: -0.5, High: -0.125},
	}}
	v.Status.Export = &spec.ExportStatus{WorkflowID: "export.demo-1", Models: 2}
	v.Now = spec.Progress{Stage: spec.StageExport, Step: 2_000_000, TotalSteps: 8_000_000}
	frame := strings.Join(v.frame(100), "\n")
	require.Contains(t, frame, "✓ distill    200 steps, student of merged: 999999999999\n")
	require.Contains(t, frame, "✓ release    not released\n  ● export     2.0 MB of 8.0 MB\n")
	require.Equal(t, `Student    999999999999
model    held out    loss  the student is better by
───────  ────────  ──────  ─────────────────────────
student       500  1.5000
teacher       500  1.2500  -0.250 (-0.500 to -0.125)
`, distillText(*v.Status.Distill))
	require.Equal(t, "Export 2 models: under way\n", exportText(*v.Status.Export))

	v.Status.Export.Exports = []spec.Exported{{
		Plan: spec.ModelPlan{Model: spec.ModelStudent, Form: spec.FormGGUF, Quant: "Q8_0"}, Ref: spec.ArtifactRef{Digest: digest("5")}, Place: "/exports/demo-student",
	}}
	require.Equal(t, "Export     student as gguf Q8_0: /exports/demo-student\n", exportText(*v.Status.Export))
	var names []string
	for _, named := range artifactsOf(v.Status) {
		names = append(names, named.Name)
	}
	require.Equal(t, []string{"base", "student", "student-as-gguf-Q8_0"}, names)
	require.NotContains(t, strings.Join(training().frame(100), "\n"), "distill", "a pipeline without the stage does not show it")
}
