package activities

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"elara/data/instruct"
	"elara/spec"
	"elara/spec/fault"
)

// smokeTokens is how long an answer is waited for: that there is one is enough.
const smokeTokens = 16

// SmokeTest loads a released adapter from the store and asks it one question. It fails where the adapter does not verify,
// does not load, gives a loss that is not finite, or says nothing.
func (d *Device) SmokeTest(ctx context.Context, in spec.SmokeInput) (spec.SmokeResult, error) {
	return run(ctx, d.Instruments, spec.StageRelease, in, d.smokeTest)
}

func (d *Device) smokeTest(ctx context.Context, in spec.SmokeInput) (_ spec.SmokeResult, err error) {
	at := spec.Progress{Stage: spec.StageRelease, Adapter: in.Target.Name}
	work := begin(ctx, d.Store, at, bulkPatience)
	defer work.end()
	folder, remove, err := scratch(d.Scratch, "smoke")
	if err != nil {
		return spec.SmokeResult{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()

	base, err := d.Cache.Materialise(work.ctx, work.store, in.Base)
	if err != nil {
		return spec.SmokeResult{}, err
	}
	if base, err = modelPath(base); err != nil {
		return spec.SmokeResult{}, err
	}
	adapter, err := d.Cache.Materialise(work.ctx, work.store, in.Target.Adapter)
	if err != nil {
		return spec.SmokeResult{}, err
	}
	prompt, err := instruct.Guide().Prompt(in.Question, in.Target.Audience)
	if err != nil {
		return spec.SmokeResult{}, err
	}
	job := spec.EvaluateJob{
		BaseModel: base, Adapter: adapter, EvalDataPath: filepath.Join(folder, evalFile), MaxRows: 1, MaxNewTokens: smokeTokens,
		MaxLength: in.Target.MaxLength, AppendEOS: in.Target.AppendEOS, AddPadToken: in.Target.AddPadToken,
		BF16: in.Target.BF16, FP16: in.Target.FP16, Prompts: []string{prompt},
	}
	if err := writeTexts(job.EvalDataPath, []string{prompt}); err != nil {
		return spec.SmokeResult{}, err
	}
	work.pulse.loading()
	outcome, err := d.Evaluator.Evaluate(work.ctx, job, func(progress spec.Progress) {
		progress.Stage, progress.Adapter = at.Stage, at.Adapter
		work.pulse.step(progress)
	})
	if err != nil {
		return spec.SmokeResult{}, fmt.Errorf("ask %s: %w", in.Target.Name, err)
	}
	score, err := scoreOf(in.Target.Name, job, outcome)
	if err != nil {
		return spec.SmokeResult{}, err
	}
	if strings.TrimSpace(outcome.AdapterAnswers[0]) == "" {
		return spec.SmokeResult{}, fault.New(fault.Diverged, "it says nothing to the smoke question")
	}
	return spec.SmokeResult{Adapter: in.Target.Name, Loss: score.AdapterLoss}, nil
}
