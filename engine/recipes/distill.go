//go:build torch

package recipes

import (
	"context"
	"fmt"
	"slices"

	"elara/data/tokenizer"
	"elara/engine/lora"
	"elara/engine/loss"
	"elara/engine/model"
	"elara/engine/model/auto"
	"elara/engine/nn"
	"elara/engine/sample"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
	"elara/spec/fault"
)

// Distill trains all weights of a student to a teacher's distributions, from the beginning or from a snapshot, and leaves a model in
// Hugging Face form, the tokenizer's files, trainer_state.json and, where rows are held out, distillation.json in job.OutputDir when
// it is done. A student that is to be made of the teacher is made first, and so are the teacher's log-probabilities where the job
// has a folder for them; both are kept, and found again by a job that goes on. Everything is float32.
func (r *Runner) Distill(ctx context.Context, job spec.DistillJob, resume *spec.Snapshot, observer spec.TrainObserver) (out spec.DistillOutcome, err error) {
	if err := refuseParts(job.OutputDir); err != nil {
		return out, err
	}
	d, err := r.beginDistillation(ctx, job)
	if err != nil {
		return out, err
	}
	if job.TeacherLogProbs != "" {
		if d.recorded, err = d.record(ctx, allParts, observer.Progress); err != nil {
			return out, err
		}
	}
	out.TrainOutcome, err = d.run(ctx, resume, observer)
	if err != nil || !out.Done || len(d.eval.list) == 0 {
		return out, err
	}
	out.Report, err = d.report(ctx, observer)
	return out, err
}

// beginDistillation checks a job, makes the student where it is to be made of the teacher, and reads the rows.
func (r *Runner) beginDistillation(ctx context.Context, job spec.DistillJob) (d *distillation, err error) {
	if key, err := job.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	if job.Args.BF16 || job.Args.FP16 {
		return nil, fault.New(fault.Invalid, "all weights are trained in float32, expected neither bf16 nor fp16")
	}
	d = &distillation{job: job}
	if job.StudentConfig != (spec.StudentShape{}) || job.TeacherLogProbs != "" {
		if d.teacherBase, err = baseDigest(job.TeacherModel); err != nil {
			return nil, err
		}
	}
	if job.StudentConfig != (spec.StudentShape{}) {
		if err := r.makeStudent(job, d.teacherBase); err != nil {
			return nil, err
		}
	}
	return d, d.read(ctx, r)
}

// distillation is one training in progress: its train.Stepper.
type distillation struct {
	pretraining
	job         spec.DistillJob
	tokenizer   spec.Digest
	positions   int         // that a row may have in both models
	teacherBase spec.Digest // of the files of the teacher's base model, where a student is made of it or it is recorded
	recorded    *recorded   // nil where the teacher runs beside the student

	teacher model.Model // nil where it does not
	adapter *lora.Adapter
	stop    []int32 // tokens that end an answer
}

// read loads the rows, which are the same for both models: both must have one tokenizer.
func (d *distillation) read(ctx context.Context, r *Runner) error {
	job := d.job
	d.pretraining = pretraining{runner: r, job: spec.PretrainJob{
		BaseModel: job.StudentModel, OutputDir: job.OutputDir, TrainDataPath: job.TrainDataPath, EvalDataPath: job.EvalDataPath, MaxLength: job.MaxLength, Args: job.Args,
	}}
	tok, err := tokenizer.Load(job.StudentModel)
	if err != nil {
		return err
	}
	teachers, err := tokenizer.Load(job.TeacherModel)
	if err != nil {
		return err
	}
	if d.tokenizer = tok.Hash(); d.tokenizer != teachers.Hash() {
		return fault.At(job.StudentModel, 0, "the student's tokenizer has %d tokens and the identity %s, the teacher's %d and %s: expected one tokenizer, for tokens are compared one by one",
			tok.VocabSize(), d.tokenizer, teachers.VocabSize(), teachers.Hash())
	}
	d.stop = stops(tok)
	if d.positions, err = r.fit(job); err != nil {
		return err
	}
	read := reading{tok: tok, maxLength: min(job.MaxLength, d.positions), appendEOS: job.AppendEOS, completionOnly: job.CompletionOnlyLoss}
	if d.train, err = read.training(ctx, job.TrainDataPath, r.notice); err != nil {
		return err
	}
	if job.EvalDataPath != "" {
		d.eval, err = read.rows(ctx, job.EvalDataPath)
	}
	return err
}

// fit looks whether both models have one vocabulary, and gives how many tokens a row may have in both.
func (r *Runner) fit(job spec.DistillJob) (positions int, err error) {
	var facts [2]model.Facts
	for i, path := range []string{job.StudentModel, job.TeacherModel} {
		if facts[i], err = r.facts(path); err != nil {
			return 0, err
		}
	}
	if facts[0].Vocabulary != facts[1].Vocabulary {
		return 0, fault.At(job.StudentModel, 0, "the student's head has %d rows, the teacher's %d: expected one vocabulary", facts[0].Vocabulary, facts[1].Vocabulary)
	}
	return int(min(facts[0].MaxPositions, facts[1].MaxPositions)), nil
}

// run trains and publishes the student.
func (d *distillation) run(ctx context.Context, resume *spec.Snapshot, observer spec.TrainObserver) (outcome spec.TrainOutcome, err error) {
	r := d.runner
	if d.base, err = r.acquire(ctx, baseKey{path: d.job.StudentModel, dtype: tensor.Float32, alone: true}); err != nil {
		return outcome, err
	}
	defer r.release(d.base)
	defer d.close()
	defer d.dismiss()
	if err := r.Engine.Do(func() error {
		if err := d.engage(); err != nil {
			return err
		}
		return d.open(resume)
	}); err != nil {
		return outcome, err
	}
	tellCut(observer, d.train.cut)
	loop, err := d.loop(d, resume, observer)
	if err != nil {
		return outcome, err
	}
	outcome, err = loop.Run(ctx)
	outcome.TrainableParams, outcome.AllParams, outcome.RowsDropped = d.parameters, d.parameters, int64(len(d.train.cut))
	outcome.RowsShortened, outcome.TokensCut = d.train.shortened, d.train.lost
	if err != nil || !outcome.Done {
		return outcome, err
	}
	return outcome, d.publish(loop.State)
}

// engage loads the teacher where the training asks it. It runs inside Engine.Do.
func (d *distillation) engage() (err error) {
	if d.recorded != nil || d.job.KDRatio == 0 {
		return nil
	}
	if d.teacher, err = auto.Load(d.runner.Engine, d.job.TeacherModel, tensor.Float32); err != nil || d.job.TeacherAdapter == "" {
		return err
	}
	d.adapter, err = lora.Load(d.teacher, teacherSlot, d.job.TeacherAdapter)
	return err
}

// teacherSlot is where the teacher's adapter sits, on a model of its own.
const teacherSlot = 0

// dismiss frees the teacher.
func (d *distillation) dismiss() {
	// Freeing cannot fail.
	_ = d.runner.Engine.Do(func() error {
		if d.adapter != nil {
			d.adapter.Detach()
		}
		if d.teacher != nil {
			model.Free(d.teacher)
		}
		return nil
	})
}

// Step implements train.Stepper.
func (d *distillation) Step(ctx context.Context, step int64, batches [][]int, learningRate float64) (train.StepResult, error) {
	micro := make([][]nn.Row, len(batches))
	for i, b := range batches {
		micro[i] = d.train.take(b)
	}
	share := d.job.KDRatio
	seed := tensor.Key(uint64(d.job.Args.Seed)).Named("lmbda").Derive(uint64(step))
	own := seed.Unit() < d.job.Lmbda
	if own {
		share = 1 // what the student says itself is no example to follow
		if err := d.answer(ctx, micro, seed); err != nil {
			return train.StepResult{}, err
		}
	}
	var divergence, nll float64
	result, err := d.descend(ctx, step, micro, leastShared, learningRate, func(i int, pass *nn.Pass) (*tensor.Tensor, error) {
		teacher, err := d.consult(pass, batches[i])
		if err != nil {
			return nil, err
		}
		if teacher == nil {
			sum, each := loss.Causal(d.weights, pass)
			nll += weighed(pass, each)
			return sum, nil
		}
		of := tensor.Divergence{Beta: d.job.Beta, Temperature: d.job.Temperature, Share: share}
		sum, apart, each := loss.Distilled(d.weights, pass, *teacher, of)
		divergence, nll = divergence+weighed(pass, apart), nll+weighed(pass, each)
		return sum, nil
	})
	counted := float64(d.counted(micro))
	result.Metrics = map[string]float64{"nll": nll / counted, "on_policy": 0}
	if d.job.KDRatio > 0 {
		result.Metrics["divergence"] = divergence / counted
	}
	if own {
		result.Metrics["on_policy"] = 1
	}
	return result, err
}

// weighed sums the predictions of a pass over its rows.
func weighed(p *nn.Pass, each *tensor.Tensor) (sum float64) {
	for i, v := range each.Float32s() {
		sum += float64(p.Weights[i]) * float64(v)
	}
	return sum
}

// consult gives the teacher's distributions of a pass; rows are the numbers of its rows. nil: the training has no teacher.
func (d *distillation) consult(pass *nn.Pass, rows []int) (*tensor.Teacher, error) {
	switch {
	case d.recorded != nil:
		teacher, err := d.recorded.of(d.runner.Engine, pass, rows)
		return &teacher, err
	case d.teacher == nil:
		return nil, nil
	}
	its := *pass
	its.Train, its.Adapter = false, nn.NoAdapter
	if d.adapter != nil {
		its.Adapter = teacherSlot
	}
	var teacher tensor.Teacher
	d.runner.Engine.NoGrad(func() { teacher = loss.Online(d.teacher, &its) })
	return &teacher, nil
}

// answer puts the student's own answers in the place of those of the rows. The draws are a function of the seed and of a row's place
// in the step.
func (d *distillation) answer(ctx context.Context, micro [][]nn.Row, seed tensor.Key) error {
	var requests []sample.Request
	var rows []*nn.Row
	most := 0
	for _, batch := range micro {
		most = max(most, len(batch))
		for i := range batch {
			prompt := batch[i].Tokens[:prompted(batch[i])]
			rows = append(rows, &batch[i])
			requests = append(requests, sample.Request{
				Prompt: prompt, Adapter: nn.NoAdapter, Stream: uint64(len(requests)),
				Options: sample.Options{MaxNewTokens: min(d.job.MaxNewTokens, d.positions-len(prompt)), Temperature: d.job.Temperature, Seed: uint64(seed.Named("draw")), Stop: d.stop},
			})
		}
	}
	return d.runner.generate(ctx, d.weights, most, requests, func(n int, s *sample.Sequence) error {
		*rows[n] = supervisedFrom(slices.Concat(s.Prompt, s.Tokens), len(s.Prompt))
		return nil
	})
}

// prompted is how many tokens of a row come before the first supervised one.
func prompted(row nn.Row) int {
	for at, on := range row.Supervised {
		if on {
			return at
		}
	}
	return len(row.Tokens)
}
