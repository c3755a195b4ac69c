package activities

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/checkpoint"
)

// Distiller trains a student from a teacher on this machine. The engine provides it.
type Distiller interface {
	// RecordTeacher goes on with the teacher's log-probabilities of the job's rows in the folder job.TeacherLogProbs, so many more parts at
	// most, and gives how many parts there are, of how many. It calls progress after each.
	RecordTeacher(ctx context.Context, job spec.DistillJob, most int, progress func(spec.Progress)) (parts, all int, err error)
	// Distill keeps the contract of Trainer.TrainLoRA. It makes the student that the training begins with in job.StudentModel where the
	// job has a shape for it, equal byte for byte each time. When it is done a model in Hugging Face form lies in job.OutputDir.
	Distill(ctx context.Context, job spec.DistillJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.DistillOutcome, error)
}

// distillTraining is the training of a target, without paths. The control learns from the text alone: nothing of the divergence is in it.
func distillTraining(in spec.DistillTarget) spec.DistillJob {
	job := in.Plan.Job
	job.Args.OutputDir = ""
	if in.IsControl || !in.Plan.TeacherLogProbs {
		job.TopK = 0
	}
	if in.IsControl {
		job.KDRatio, job.Lmbda, job.Beta, job.Temperature, job.MaxNewTokens = 0, 0, 0, 1, 0
	}
	return job
}

// distillKey is the identity of a trained student: everything that it is made of, and measured beside.
func distillKey(in spec.DistillTarget) (spec.Digest, error) {
	return distillStage.key(struct {
		Inputs        []spec.Digest
		Job           spec.DistillJob
		BesideControl bool
		MaxRows       int
		Device        string
	}{
		distillInputs(in), distillTraining(in), in.Plan.Control && !in.IsControl, in.Plan.MaxRows, in.Plan.Device,
	})
}

// distillInputs is what goes into a student: its teacher's base and adapter, the model that it begins as, and the data sets, each in its
// place; empty: there is none.
func distillInputs(in spec.DistillTarget) []spec.Digest {
	inputs := []spec.Digest{in.Base.Digest, in.Teacher.Digest, in.Start.Digest}
	for _, ref := range in.Datasets {
		inputs = append(inputs, ref.Digest)
	}
	return inputs
}

// present leaves out those that are not there.
func present(digests []spec.Digest) []spec.Digest {
	return slices.DeleteFunc(digests, func(d spec.Digest) bool { return d == "" })
}

// FindDistilled looks for a student that was made of the same before; Unchanged is set when there is one.
func (c *Control) FindDistilled(ctx context.Context, in spec.DistillTarget) (spec.DistillResult, error) {
	return run(ctx, c.Instruments, spec.StageDistill, in, c.findDistilled)
}

func (c *Control) findDistilled(ctx context.Context, in spec.DistillTarget) (spec.DistillResult, error) {
	key, err := distillKey(in)
	if err != nil {
		return spec.DistillResult{}, err
	}
	found, reason, err := recall(ctx, c.Store, distillStage, key,
		func(r spec.DistillResult) []spec.ArtifactRef { return []spec.ArtifactRef{r.Student} })
	found.Unchanged = reason
	return found, err
}

// DistillSegment trains a student, or the control, from the newest checkpoint up to a step, or to the end, or until it is asked to
// stop; it saves before it stops. When it is done it is measured beside its teacher.
func (d *Device) DistillSegment(ctx context.Context, in spec.DistillSegmentInput) (spec.DistillSegmentResult, error) {
	return run(ctx, d.Instruments, spec.StageDistill, in, d.distillSegment)
}

func (d *Device) distillSegment(ctx context.Context, in spec.DistillSegmentInput) (result spec.DistillSegmentResult, err error) {
	work := begin(ctx, d.Store, spec.Progress{Stage: spec.StageDistill, Adapter: in.Name()}, bulkPatience)
	defer work.end()
	folder, remove, err := scratch(d.Scratch, "distill")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	job, err := d.distillJob(work.ctx, work.store, in.DistillTarget, folder)
	if err != nil {
		return result, err
	}
	key, err := distillKey(in.DistillTarget)
	if err != nil {
		return result, err
	}
	var report *spec.DistillReport
	result.SegmentResult, err = d.segment(ctx, work, segment{
		stage: spec.StageDistill, run: in.Run, name: in.Name(), key: key, facts: checkpoint.Facts{Config: key, Engine: checkpoint.Engine{Device: in.Plan.Device}},
		until: in.UntilStep, steps: in.Plan.SegmentSteps, keep: in.Plan.Job.Args.SaveTotalLimit, curve: distillTraining(in.DistillTarget),
	}, func(ctx context.Context, resume *spec.Snapshot, watch *observer) (spec.TrainOutcome, error) {
		outcome, err := d.Distiller.Distill(ctx, job, resume, watch)
		report = outcome.Report
		return outcome.TrainOutcome, err
	}, func(ctx context.Context, watch *observer, outcome spec.TrainOutcome) error {
		if err := namesAllCut(watch.cut, outcome.RowsDropped, "rows"); err != nil {
			return err
		}
		switch {
		case report == nil:
			return fault.New(fault.Invalid, "no row of the adapters is held out: expected a larger prepare.eval_percent")
		case !isFinite(report.Student):
			return fault.New(fault.Diverged, "the student's held-out loss is %v", report.Student)
		}
		result.Figures = &report.DistillFigures
		result.Model, err = d.publishDistilled(ctx, work.store, in.DistillTarget, key, job.OutputDir, spec.DistillResult{Control: in.Control, Figures: result.Figures, Outcome: outcome})
		return err
	})
	return result, err
}

// distillJob lays the inputs out on this machine and says to the engine where they are.
func (d *Device) distillJob(ctx context.Context, store storage.Store, in spec.DistillTarget, folder string) (job spec.DistillJob, err error) {
	job = distillTraining(in)
	job.StudentModel, job.OutputDir = filepath.Join(folder, "start"), filepath.Join(folder, "student")
	job.TrainDataPath, job.EvalDataPath = filepath.Join(folder, trainFile), filepath.Join(folder, evalFile)
	job.Args.OutputDir = filepath.Join(folder, "checkpoints")
	if !in.LogProbs.IsZero() {
		if job.TeacherLogProbs, err = d.Cache.Materialise(ctx, store, in.LogProbs); err != nil {
			return job, err
		}
	}
	for _, model := range []struct {
		ref  spec.ArtifactRef
		path *string
	}{{in.Base, &job.TeacherModel}, {in.Start, &job.StudentModel}, {in.Control, &job.ControlModel}} {
		if model.ref.IsZero() {
			continue
		}
		if *model.path, err = d.base(ctx, store, model.ref); err != nil {
			return job, err
		}
	}
	if !in.Teacher.IsZero() {
		if job.TeacherAdapter, err = d.Cache.Materialise(ctx, store, in.Teacher); err != nil {
			return job, err
		}
	}
	var train, held []string
	for _, ref := range in.Datasets {
		dataset, err := d.Cache.Materialise(ctx, store, ref)
		if err != nil {
			return job, err
		}
		train, held = append(train, filepath.Join(dataset, trainFile)), append(held, filepath.Join(dataset, evalFile))
	}
	if err := joinRows(ctx, job.TrainDataPath, train, everyRow); err != nil {
		return job, err
	}
	return job, joinRows(ctx, job.EvalDataPath, held, in.Plan.MaxRows)
}

// publishDistilled stores what the training left in a folder, with what it was made from and by, and records it for runs to come.
func (d *Device) publishDistilled(
	ctx context.Context, store storage.Store, in spec.DistillTarget, key spec.Digest, folder string, result spec.DistillResult,
) (spec.ArtifactRef, error) {
	config, err := artifact.PublishJSON(ctx, store, spec.KindConfig, "distill.json", distillTraining(in), nil)
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	inputs := append(distillInputs(in), in.Control.Digest, in.LogProbs.Digest, config.Digest)
	if result.Student, err = artifact.Publish(ctx, store, spec.KindBaseModel, folder, present(inputs), d.maker()); err != nil {
		return spec.ArtifactRef{}, err
	}
	stands, err := remember(ctx, store, distillStage, key, result)
	return stands.Student, err
}
