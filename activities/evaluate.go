package activities

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"elara/data/instruct"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

// evaluateKey is the identity of a score and its answers.
func evaluateKey(in spec.EvaluateTargetInput) (spec.Digest, error) {
	template, err := instruct.Guide().Hash()
	if err != nil {
		return "", err
	}
	target := in.Target
	plan := in.Plan
	plan.Memory, plan.Judge = spec.MemoryPlan{}, spec.JudgePlan{} // these have keys of their own
	plan.Choices = nil                                            // they were frozen
	return evaluateStage.key(struct {
		Base, Adapter, Dataset spec.Digest
		Plan                   spec.EvaluatePlan
		Audience               spec.Audience
		MaxLength              int
		AppendEOS              bool
		AddPadToken, BF16      bool
		Completion             bool
		FP16                   bool `json:",omitempty"`
		Device                 string
		Template               spec.Digest
		Choices                spec.Digest `json:",omitempty"`
	}{
		in.Base.Digest, target.Adapter.Digest, target.Dataset.Digest, plan, target.Audience,
		target.MaxLength, target.AppendEOS, target.AddPadToken, target.BF16, target.CompletionOnlyLoss, target.FP16, target.Device, template,
		in.Choices.Digest,
	})
}

// FindScore looks for a score of the same adapter on the same rows; Unchanged is set when there is one.
func (c *Control) FindScore(ctx context.Context, in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
	return run(ctx, c.Instruments, spec.StageEvaluate, in, c.findScore)
}

func (c *Control) findScore(ctx context.Context, in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
	key, err := evaluateKey(in)
	if err != nil {
		return spec.AdapterScore{}, err
	}
	found, reason, err := recall(ctx, c.Store, evaluateStage, key,
		func(s spec.AdapterScore) []spec.ArtifactRef { return []spec.ArtifactRef{s.Report} })
	found.Adapter, found.Unchanged = in.Target.Name, reason
	return found, err
}

// EvaluateTarget measures an adapter and its base on the rows held out for it, and lets both answer the questions.
func (d *Device) EvaluateTarget(ctx context.Context, in spec.EvaluateTargetInput) (spec.AdapterScore, error) {
	return run(ctx, d.Instruments, spec.StageEvaluate, in, d.evaluateTarget)
}

func (d *Device) evaluateTarget(ctx context.Context, in spec.EvaluateTargetInput) (score spec.AdapterScore, err error) {
	at := spec.Progress{Stage: spec.StageEvaluate, Adapter: in.Target.Name}
	work := begin(ctx, d.Store, at, bulkPatience)
	defer work.end()
	ctx, store := work.ctx, work.store

	folder, remove, err := scratch(d.Scratch, "evaluate")
	if err != nil {
		return spec.AdapterScore{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	job, held, err := d.evaluation(ctx, store, in, folder)
	if err != nil {
		return spec.AdapterScore{}, err
	}
	if !in.Choices.IsZero() {
		if job.Choices, err = readChoices(ctx, store, in.Choices); err != nil {
			return spec.AdapterScore{}, err
		}
	}
	work.pulse.loading()
	outcome, err := d.Evaluator.Evaluate(ctx, job, func(progress spec.Progress) {
		progress.Stage, progress.Adapter = at.Stage, at.Adapter
		work.pulse.step(progress)
	})
	if err != nil {
		return spec.AdapterScore{}, fmt.Errorf("evaluate %s: %w", in.Target.Name, err)
	}
	score, found, err := measured(in.Target.Name, in.Target.Audience, in.Plan, job, held, outcome)
	if err != nil {
		return spec.AdapterScore{}, err
	}
	if score.Report, err = found.publish(ctx, store, in); err != nil {
		return spec.AdapterScore{}, err
	}
	key, err := evaluateKey(in)
	if err != nil {
		return spec.AdapterScore{}, err
	}
	score, err = remember(ctx, store, evaluateStage, key, score)
	score.Adapter = in.Target.Name
	return score, err
}

// evaluation lays the inputs out on this machine, what is made of them in a scratch folder, and says to the engine where they
// are. The prompts are the plan's questions, and behind them those of held-out rows.
func (d *Device) evaluation(ctx context.Context, store storage.Store, in spec.EvaluateTargetInput, scratch string) (spec.EvaluateJob, heldOut, error) {
	job, err := d.measurement(ctx, store, in.Base, in.Target)
	if err != nil {
		return spec.EvaluateJob{}, heldOut{}, err
	}
	dataset, err := d.Cache.Materialise(ctx, store, in.Target.Dataset)
	if err != nil {
		return spec.EvaluateJob{}, heldOut{}, err
	}
	held, err := readHeldOut(ctx, filepath.Join(dataset, evalFile), filepath.Join(dataset, trainFile), scratch, in.Plan.Contamination)
	if err != nil {
		return spec.EvaluateJob{}, heldOut{}, err
	}
	job.EvalDataPath, job.MaxRows, job.MaxNewTokens, job.OtherQuestions = held.path, in.Plan.MaxRows, in.Plan.MaxNewTokens, in.Plan.OtherQuestions
	job.Prompts, err = held.prompts(in.Plan, in.Target.Audience)
	return job, held, err
}

// measurement lays a base model and an adapter, or the model in its place, out on this machine, and says how the engine is to read the
// rows; which, is left open.
func (d *Device) measurement(ctx context.Context, store storage.Store, base spec.ArtifactRef, target spec.EvaluatedTarget) (job spec.EvaluateJob, err error) {
	job = spec.EvaluateJob{
		MaxLength: target.MaxLength, AppendEOS: target.AppendEOS, AddPadToken: target.AddPadToken, CompletionOnlyLoss: target.CompletionOnlyLoss,
		BF16: target.BF16, FP16: target.FP16,
	}
	if job.BaseModel, err = d.base(ctx, store, base); err != nil {
		return job, err
	}
	if target.IsModel {
		job.Model, err = d.base(ctx, store, target.Adapter)
	} else {
		job.Adapter, err = d.Cache.Materialise(ctx, store, target.Adapter)
	}
	return job, err
}

// measured makes of an outcome the score with its comparisons, and the items that they are made of.
func measured(
	name spec.AdapterName, audience spec.Audience, plan spec.EvaluatePlan, job spec.EvaluateJob, held heldOut, outcome spec.EvaluateOutcome,
) (spec.AdapterScore, items, error) {
	score, err := scoreOf(name, job, outcome)
	if err != nil {
		return spec.AdapterScore{}, items{}, err
	}
	found, err := judged(plan, audience, held, outcome)
	if err != nil {
		return spec.AdapterScore{}, items{}, err
	}
	if found.choices, err = answeredChoices(job.Choices, outcome); err != nil {
		return spec.AdapterScore{}, items{}, fmt.Errorf("evaluate %s: %w", name, err)
	}
	if score.Choices, err = choiceScores(found.choices); err != nil {
		return spec.AdapterScore{}, items{}, err
	}
	score.TakenOut, score.Overlapping = held.takenOut, held.overlapping
	score.Comparisons, err = compare(found.base(), found.adapter())
	return score, found, err
}

// scoreOf derives means and perplexities from the exact sums.
func scoreOf(name spec.AdapterName, job spec.EvaluateJob, outcome spec.EvaluateOutcome) (spec.AdapterScore, error) {
	if outcome.Rows < 1 || outcome.Tokens < 1 {
		return spec.AdapterScore{}, fault.New(fault.Invalid, "evaluate %s: %d rows with %d tokens to predict; expected at least one",
			name, outcome.Rows, outcome.Tokens)
	}
	if job.OtherQuestions > 0 && (len(outcome.BaseGains) != len(job.Prompts) || len(outcome.AdapterGains) != len(job.Prompts)) {
		return spec.AdapterScore{}, fmt.Errorf("evaluate %s: %d and %d gains of %d answers", name, len(outcome.BaseGains), len(outcome.AdapterGains), len(job.Prompts))
	}
	if len(outcome.BaseAnswers) != len(job.Prompts) || len(outcome.AdapterAnswers) != len(job.Prompts) {
		return spec.AdapterScore{}, fmt.Errorf("evaluate %s: %d and %d answers to %d questions",
			name, len(outcome.BaseAnswers), len(outcome.AdapterAnswers), len(job.Prompts))
	}
	score := spec.AdapterScore{
		Adapter: name, Rows: outcome.Rows, Tokens: outcome.Tokens,
		BaseNLL: outcome.BaseNLL, AdapterNLL: outcome.AdapterNLL,
		BaseLoss: outcome.BaseNLL / float64(outcome.Tokens), AdapterLoss: outcome.AdapterNLL / float64(outcome.Tokens),
	}
	score.BasePPL, score.AdapterPPL = math.Exp(score.BaseLoss), math.Exp(score.AdapterLoss)
	for _, figure := range []float64{score.BasePPL, score.AdapterPPL} {
		if !isFinite(figure) {
			return spec.AdapterScore{}, fault.New(fault.Diverged, "evaluate %s: loss of the base %v, of the adapter %v",
				name, score.BaseLoss, score.AdapterLoss)
		}
	}
	return score, nil
}
