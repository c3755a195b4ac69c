package chain

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/export"
	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
	"elara/workflows"
)

// distillingInput is the pipeline of the other tests, two of whose adapters are merged into one that teaches a student; the student
// and an adapter are exported.
func distillingInput(run spec.RunID, bucket string) spec.PipelineInput {
	in := input(run, bucket)
	args := spec.TrainingArgs{MaxSteps: steps, SaveSteps: 2, SaveTotalLimit: 2, Seed: 3}
	in.Merge = spec.MergePlan{
		Adapters: []spec.AdapterName{"general", "patient"}, Into: spec.IntoAdapter, DType: "float32", MaxRows: 3,
		Candidates: []spec.MergeMethod{{Name: "sum", CombinationType: spec.CombineCat, Weights: []float64{0.5, 0.5}}},
	}
	in.Distill = spec.DistillPlan{
		Teacher: spec.ModelMerged, Adapters: in.Merge.Adapters, Control: true, TeacherLogProbs: true, MaxRows: 3, SegmentSteps: segmentSteps,
		Job: spec.DistillJob{StudentConfig: spec.StudentShape{NumHiddenLayers: 1}, KDRatio: 0.5, Temperature: 1, TopK: 8, Args: args},
	}
	in.Export = spec.ExportPlan{To: "s3://exports/elara", Models: []spec.ModelPlan{
		{Model: spec.ModelStudent, Form: spec.FormGGUF, Quant: "Q8_0", Audience: spec.General}, {Model: spec.ModelStudent, Form: spec.FormHF, Audience: spec.Patient},
	}}
	return in
}

// The chain of the guide in one run: rows, adapters, one model of them, a smaller one that learns from it, an approval, and the
// smaller one in the forms that other programs run.
func TestFromRowsToAnExportedStudent(t *testing.T) {
	th := open(t, "student", "exports")
	th.worker(t, "student", 0)
	store := th.store(t, "student")
	result := th.start(t, "student", distillingInput("run-1", "student")).approve(t)

	student := result.Distill.Student
	require.Equal(t, spec.KindBaseModel, student.Kind)
	require.NotNil(t, result.Distill.Figures.ToControl)
	candidate, err := artifact.ReadCandidate(t.Context(), store, result.Candidate)
	require.NoError(t, err)
	require.Equal(t, student, candidate.Student)
	require.Len(t, result.Export.Exports, 2)
	for _, exported := range result.Export.Exports {
		require.Subset(t, ancestorsOf(t, store, exported.Ref), []spec.Digest{
			student.Digest, result.Distill.Control.Digest, result.Merge.Best.Digest, result.Adapters[0].Ref.Digest, result.Adapters[1].Ref.Digest,
			result.Prepare.Datasets[0].Dataset.Digest, result.Base.Digest,
		})
		_, prefix, isS3 := spec.S3Place(exported.Place)
		require.True(t, isS3)
		place, err := openStore(t.Context(), th.endpoint, "exports", prefix)
		require.NoError(t, err)
		facts, _, err := storage.ReadAll(t.Context(), place, export.FactsFile)
		require.NoError(t, err)
		require.Contains(t, string(facts), string(student.Digest))
	}

	again := th.start(t, "student", distillingInput("run-2", "student")).result(t) // nobody is asked: this candidate is released
	require.Equal(t, result.Candidate, again.Candidate)
	require.Subset(t, skippedOf(again), []string{"merge", "distill", "export/student as gguf Q8_0", "export/student as hf"})

	// Held to gates, what is made of the adapters is measured, judged and asked as they are.
	held := distillingInput("run-3", "student")
	held.Gates = spec.GatePlan{CompareWith: spec.CompareBase, OnInsufficient: spec.StopThere}
	held.Evaluate.AnsweredRows, held.Evaluate.Contamination = 2, spec.TakeOutSame
	rules := spec.GateRules{Target: spec.TargetNone, MinItems: 2, Margins: spec.Margins{Accuracy: 1, Relevance: 1, Tone: 1, Safety: 1}}
	for i := range held.Adapters {
		held.Adapters[i].Gates = rules
	}
	held.Merge.Gates, held.Distill.Gates = rules, rules
	judged := th.start(t, "student", held).approve(t)
	require.Equal(t, spec.Promote, judged.Gates.Verdict)
	var names []spec.AdapterName
	for _, gate := range judged.Gates.Adapters[len(held.Adapters):] {
		names = append(names, gate.Adapter)
	}
	require.Equal(t, []spec.AdapterName{"merged-general", "merged-patient", "student-general", "student-patient"}, names)
	require.Equal(t, judged.Candidate.Digest, judged.Release.Current)
	require.Subset(t, skippedOf(judged), []string{"merge", "distill"}, "what is made does not depend on what it is held to")
	require.NotContains(t, skippedOf(judged), "evaluate/student-patient")

	record(t, th.client, map[string]string{
		"pipeline-models-judged": workflows.PipelineID("run-3"), "evaluate-models": workflows.EvaluateID("run-3"),
		"pipeline-distilled": workflows.PipelineID("run-1"), "distill": workflows.DistillID("run-1"), "distill-unchanged": workflows.DistillID("run-2"),
		"export": workflows.ExportID("run-1"),
	})
}
