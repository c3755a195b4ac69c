package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"elara/spec"
	"elara/storage/artifact"
)

// partsAtOnce is how many parts of what a teacher says one activity computes, and a killed worker costs at most.
const partsAtOnce = 8

// teacherKey is the identity of what a teacher says of some rows: everything that it is made of.
func teacherKey(in spec.DistillTarget) (spec.Digest, error) {
	job := in.Plan.Job
	return teacherStage.key(struct {
		Inputs             []spec.Digest // as in distillKey
		Student            spec.StudentShape
		MaxLength          int // what follows is how rows are read, by a student of so many positions, and what is kept
		AppendEOS          bool
		CompletionOnlyLoss bool
		TopK               int
		Temperature        float64
		Device             string
	}{distillInputs(in), job.StudentConfig, job.MaxLength, job.AppendEOS, job.CompletionOnlyLoss, job.TopK, job.Temperature, in.Plan.Device})
}

// FindTeacher looks for what the same teacher said of the same rows before; Unchanged is set when it is there.
func (c *Control) FindTeacher(ctx context.Context, in spec.DistillTarget) (spec.TeacherResult, error) {
	return run(ctx, c.Instruments, spec.StageDistill, in, c.findTeacher)
}

func (c *Control) findTeacher(ctx context.Context, in spec.DistillTarget) (spec.TeacherResult, error) {
	key, err := teacherKey(in)
	if err != nil {
		return spec.TeacherResult{}, err
	}
	found, reason, err := recall(ctx, c.Store, teacherStage, key, func(r spec.TeacherResult) []spec.ArtifactRef { return []spec.ArtifactRef{r.Ref} })
	found.Unchanged = reason
	return found, err
}

// RecordTeacher computes what the teacher says of the next rows, and publishes it with what there was.
func (d *Device) RecordTeacher(ctx context.Context, in spec.TeacherInput) (spec.TeacherResult, error) {
	return run(ctx, d.Instruments, spec.StageDistill, in, d.recordTeacher)
}

func (d *Device) recordTeacher(ctx context.Context, in spec.TeacherInput) (result spec.TeacherResult, err error) {
	work := begin(ctx, d.Store, spec.Progress{Stage: spec.StageDistill, Adapter: spec.TeacherName}, bulkPatience)
	defer work.end()
	folder, remove, err := scratch(d.Scratch, "teacher")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	job, err := d.distillJob(work.ctx, work.store, in.DistillTarget, folder)
	if err != nil {
		return result, err
	}
	job.TeacherLogProbs = filepath.Join(folder, "logprobs")
	if !in.SoFar.IsZero() {
		there, err := d.Cache.Materialise(work.ctx, work.store, in.SoFar)
		if err == nil {
			err = onDisk(os.CopyFS(job.TeacherLogProbs, os.DirFS(there)))
		}
		if err != nil {
			return result, err
		}
	}
	work.pulse.loading()
	result.Parts, result.All, err = d.Distiller.RecordTeacher(work.ctx, job, partsAtOnce, func(p spec.Progress) {
		p.Stage, p.Adapter = spec.StageDistill, spec.TeacherName
		work.pulse.step(p)
	})
	if err != nil {
		return result, fmt.Errorf("distill: teacher: %w", err)
	}
	if result.Ref, err = artifact.Publish(work.ctx, work.store, spec.KindLogProbs, job.TeacherLogProbs, present(distillInputs(in.DistillTarget)), d.maker()); err != nil || result.Parts < result.All {
		return result, err
	}
	key, err := teacherKey(in.DistillTarget)
	if err != nil {
		return result, err
	}
	return remember(work.ctx, work.store, teacherStage, key, result)
}
