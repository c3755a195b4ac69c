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

	job, err := d.measurement(work.ctx, work.store, in.Base, in.Target)
	if err != nil {
		return spec.SmokeResult{}, err
	}
	prompt, err := instruct.Guide().Prompt(in.Question, in.Target.Audience)
	if err != nil {
		return spec.SmokeResult{}, err
	}
	job.EvalDataPath, job.MaxRows, job.MaxNewTokens, job.Prompts = filepath.Join(folder, evalFile), 1, smokeTokens, []string{prompt}
	job.CompletionOnlyLoss = false // the one text has no answer
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
