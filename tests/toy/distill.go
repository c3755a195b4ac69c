package toy

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"elara/spec"
)

// Distiller trains a number as Trainer does, out of the teacher, the student and the rows. A student that is made of its teacher is
// made first, as the engine does.
type Distiller struct {
	Trainer Trainer
	// Model is the folder of a real model, whose files lie beside the number in what comes out, for whoever reads it; empty: none.
	Model string
}

// Distill implements activities.Distiller. The student is one nat worse than its teacher, and as good as its control.
func (d Distiller) Distill(ctx context.Context, job spec.DistillJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.DistillOutcome, error) {
	if job.StudentConfig != (spec.StudentShape{}) {
		if err := os.MkdirAll(job.StudentModel, 0o700); err != nil {
			return spec.DistillOutcome{}, err
		}
		if err := os.WriteFile(filepath.Join(job.StudentModel, "student.json"), fmt.Appendf(nil, "%+v", job.StudentConfig), 0o600); err != nil {
			return spec.DistillOutcome{}, err
		}
	}
	inputs := filepath.Join(filepath.Dir(job.OutputDir), "inputs")
	if err := os.MkdirAll(inputs, 0o700); err != nil {
		return spec.DistillOutcome{}, err
	}
	for name, path := range map[string]string{
		"teacher": job.TeacherModel, "adapter": job.TeacherAdapter, "student": job.StudentModel, "said": job.TeacherLogProbs,
	} {
		if path == "" {
			continue
		}
		sum, err := contentOf("", path)
		if err != nil {
			return spec.DistillOutcome{}, err
		}
		if err := os.WriteFile(filepath.Join(inputs, name), sum[:], 0o600); err != nil {
			return spec.DistillOutcome{}, err
		}
	}
	job.Args.Seed += int64(1000 * job.KDRatio) // so that the control is another training
	outcome, err := d.Trainer.TrainLoRA(ctx, spec.LoRAJob{
		BaseModel: inputs, OutputDir: job.OutputDir, TrainDataPath: job.TrainDataPath,
		EvalDataPath: cmp.Or(job.EvalDataPath, job.TrainDataPath), Args: job.Args,
	}, resume, observer)
	result := spec.DistillOutcome{TrainOutcome: outcome}
	if err != nil || !outcome.Done {
		return result, err
	}
	result.Report = &spec.DistillReport{DistillFigures: spec.DistillFigures{Rows: 3, Tokens: 12, Student: 2, ToTeacher: comparison(1)}}
	if job.ControlModel != "" {
		beside := comparison(2)
		result.Report.ToControl = &beside
	}
	if d.Model == "" {
		return result, nil
	}
	return result, os.CopyFS(job.OutputDir, os.DirFS(d.Model))
}

// comparison is of a student with a held-out loss of 2 beside another model's.
func comparison(other float64) spec.Comparison {
	return spec.Comparison{
		Metric: spec.MetricLoss, Items: 3, Old: spec.Estimate{Value: other}, New: spec.Estimate{Value: 2},
		Gain: spec.Estimate{Value: other - 2, Low: other - 2.5, High: other - 1.5},
	}
}

// RecordTeacher implements activities.Distiller. A part is a digest of the teacher and of one row.
func (Distiller) RecordTeacher(ctx context.Context, job spec.DistillJob, most int, progress func(spec.Progress)) (parts, all int, err error) {
	rows, err := os.ReadFile(job.TrainDataPath)
	if err != nil {
		return 0, 0, err
	}
	teacher, err := contentOf("", job.TeacherModel, cmp.Or(job.TeacherAdapter, job.TeacherModel))
	if err != nil {
		return 0, 0, err
	}
	if err := os.MkdirAll(job.TeacherLogProbs, 0o700); err != nil {
		return 0, 0, err
	}
	there, err := os.ReadDir(job.TeacherLogProbs)
	if err != nil {
		return 0, 0, err
	}
	lines := bytes.SplitAfter(rows, []byte("\n"))
	all = len(lines) - 1 // behind the last line there is nothing
	for parts = len(there); parts < min(all, len(there)+most); parts++ {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		said := sha256.Sum256(append(teacher[:], lines[parts]...))
		if err := os.WriteFile(filepath.Join(job.TeacherLogProbs, fmt.Sprintf("teacher-%05d.bin", parts)), said[:], 0o600); err != nil {
			return 0, 0, err
		}
		progress(spec.Progress{Stage: "teacher", Step: int64(parts + 1), TotalSteps: int64(all)})
	}
	return parts, all, nil
}
