package activities

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"elara/data/instruct"
	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/checkpoint"
)

// FeedbackTrainer trains from people's judgements on this machine. The engine provides it. Each method keeps the contract of
// Trainer.TrainLoRA.
type FeedbackTrainer interface {
	// TrainReward leaves a reward model in job.OutputDir.
	TrainReward(ctx context.Context, job spec.RewardJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.RewardOutcome, error)
	// TrainDPO leaves the adapter in job.OutputDir.
	TrainDPO(ctx context.Context, job spec.DPOJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error)
	// TrainPPO leaves the policy in job.OutputDir. The job's reward model judges its answers.
	TrainPPO(ctx context.Context, job spec.PPOJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.PPOOutcome, error)
}

// feedbackStages are the trainings, by their parts of the stage.
var feedbackStages = map[string]stage{spec.StageReward: {"reward", 2}, spec.StageDPO: {"dpo", 1}, spec.StagePPO: {"ppo", 2}}

// feedback is one training from judgements: what it is made of, and how it is run. Its paths are set on a device only.
type feedback struct {
	kind   spec.ArtifactKind
	job    any           // without paths: part of the identity
	keep   int           // checkpoints that stay; 0: all
	inputs []spec.Digest // what goes into it, in an order of its own
	run    func(ctx context.Context, resume *spec.Snapshot, watch *observer) (spec.TrainOutcome, spec.FeedbackFigures, error)
	// report gives the files of a report on what lies in the folder, and takes out of it what is not to be published; nil: there is
	// no report.
	report func(folder string) (map[string][]byte, error)
}

// feedbackOf is the training of a part of the stage. Who asks only what it is made of gives no trainer and no places.
func feedbackOf(t FeedbackTrainer, in spec.FeedbackInput, at local) feedback {
	switch in.Part {
	case spec.StageReward:
		return rewardTraining(t, in, at)
	case spec.StageDPO:
		return dpoTraining(t, in, at)
	}
	return ppoTraining(t, in, at)
}

// feedbackKey is the identity of what is trained: everything that it is made of.
func feedbackKey(in spec.FeedbackInput) (spec.Digest, error) {
	template, err := instruct.Guide().Hash()
	if err != nil {
		return "", err
	}
	of := feedbackOf(nil, in, local{})
	return feedbackStages[in.Part].key(struct {
		Inputs   []spec.Digest
		Job      any
		Template spec.Digest
		Device   string
	}{of.inputs, of.job, template, in.Plan.Device})
}

// FindFeedback looks for what was trained of the same before; Unchanged is set when there is something.
func (c *Control) FindFeedback(ctx context.Context, in spec.FeedbackInput) (spec.FeedbackResult, error) {
	return run(ctx, c.Instruments, in.Part, in, c.findFeedback)
}

func (c *Control) findFeedback(ctx context.Context, in spec.FeedbackInput) (spec.FeedbackResult, error) {
	key, err := feedbackKey(in)
	if err != nil {
		return spec.FeedbackResult{}, err
	}
	found, reason, err := recall(ctx, c.Store, feedbackStages[in.Part], key, refsOfFeedback)
	found.Unchanged = reason
	return found, err
}

// refsOfFeedback lists the artifacts of a result.
func refsOfFeedback(r spec.FeedbackResult) []spec.ArtifactRef {
	if r.Report.IsZero() {
		return []spec.ArtifactRef{r.Ref}
	}
	return []spec.ArtifactRef{r.Ref, r.Report}
}

// FeedbackSegment trains a reward model or a policy from the newest checkpoint up to a step, or to the end, or until it is asked
// to stop; it saves before it stops.
func (d *Device) FeedbackSegment(ctx context.Context, in spec.FeedbackSegmentInput) (spec.FeedbackSegmentResult, error) {
	return run(ctx, d.Instruments, in.Part, in, d.feedbackSegment)
}

func (d *Device) feedbackSegment(ctx context.Context, in spec.FeedbackSegmentInput) (result spec.FeedbackSegmentResult, err error) {
	name := spec.CheckpointName(in.Adapter.Name, in.Part)
	work := begin(ctx, d.Store, spec.Progress{Stage: in.Part, Adapter: name}, bulkPatience)
	defer work.end()
	folder, remove, err := scratch(d.Scratch, in.Part)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	key, err := feedbackKey(in.FeedbackInput)
	if err != nil {
		return result, err
	}
	at, err := d.layOut(work.ctx, work.store, in.FeedbackInput)
	if err != nil {
		return result, err
	}
	at.out = filepath.Join(folder, "adapter")
	training := feedbackOf(d.Feedback, in.FeedbackInput, at)
	result.SegmentResult, err = d.segment(ctx, work, segment{
		stage: in.Part, run: in.Run, name: name, key: key, facts: checkpoint.Facts{Config: key, Engine: checkpoint.Engine{Device: in.Plan.Device}},
		until: in.UntilStep, steps: in.Plan.SegmentSteps, keep: training.keep, curve: training.job,
	}, func(ctx context.Context, resume *spec.Snapshot, watch *observer) (outcome spec.TrainOutcome, err error) {
		outcome, result.FeedbackFigures, err = training.run(ctx, resume, watch)
		result.Reward, result.KL = watch.metric(rewardMetric), watch.metric(klMetric)
		return outcome, err
	}, func(ctx context.Context, watch *observer, outcome spec.TrainOutcome) error {
		if err := namesAllCut(watch.cut, outcome.RowsDropped, "pairs"); err != nil {
			return err
		}
		made, err := d.publishFeedback(ctx, work.store, in.FeedbackInput, key, training, at.out,
			spec.FeedbackResult{Outcome: outcome, FeedbackFigures: result.FeedbackFigures})
		result.Ref, result.FeedbackFigures = made.Ref, made.FeedbackFigures
		return err
	})
	return result, err
}

// What PPO is watched by, under TRL's names.
const (
	rewardMetric = "objective/scores"
	klMetric     = "objective/kl"
)

// metric gives a figure of the last step; nil: it has none, or JSON cannot hold it.
func (o *observer) metric(name string) *float64 {
	value, measured := o.metrics[name]
	if !measured || !isFinite(value) {
		return nil
	}
	return &value
}

// local is where the inputs of a training lie on this machine, and where it leaves what it gives.
type local struct {
	base, sft, prompts, reward string
	train, held                string // the two sides of the comparisons; held is empty where nothing is held out
	out                        string
}

// layOut brings the inputs that are named onto this machine.
func (d *Device) layOut(ctx context.Context, store storage.Store, in spec.FeedbackInput) (at local, err error) {
	var comparisons string
	for _, input := range []struct {
		ref  spec.ArtifactRef
		path *string
	}{{in.SFT, &at.sft}, {in.Comparisons, &comparisons}, {in.Prompts, &at.prompts}, {in.Reward, &at.reward}} {
		if input.ref.IsZero() {
			continue
		}
		if *input.path, err = d.Cache.Materialise(ctx, store, input.ref); err != nil {
			return at, err
		}
	}
	if comparisons != "" {
		at.train = filepath.Join(comparisons, trainFile)
		if at.held, err = heldIn(comparisons); err != nil {
			return at, err
		}
	}
	at.base, err = d.base(ctx, store, in.Base)
	return at, err
}

// heldIn gives the comparisons in a folder that are held out; empty: none are.
func heldIn(folder string) (string, error) {
	path := filepath.Join(folder, evalFile)
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return path, onDisk(err)
}

// feedbackFile is the one file of the config artifact of a training from judgements.
const feedbackFile = "feedback.json"

// publishFeedback stores what a training left in a folder, with what it was made from and by, and records it for runs to
// come.
func (d *Device) publishFeedback(
	ctx context.Context, store storage.Store, in spec.FeedbackInput, key spec.Digest, training feedback, folder string, result spec.FeedbackResult,
) (spec.FeedbackResult, error) {
	var report map[string][]byte
	if training.report != nil {
		var err error
		if report, err = training.report(folder); err != nil {
			return result, err
		}
	}
	config, err := artifact.PublishJSON(ctx, store, spec.KindConfig, feedbackFile, map[string]any{in.Part: training.job}, nil)
	if err != nil {
		return result, err
	}
	result.Ref, err = artifact.Publish(ctx, store, training.kind, folder, append(training.inputs, config.Digest), d.maker())
	if err != nil {
		return result, err
	}
	if report != nil {
		result.Report, err = artifact.PublishBytes(ctx, store, spec.KindReport, report, []spec.Digest{result.Ref.Digest}, nil)
		if err != nil {
			return result, err
		}
	}
	return remember(ctx, store, feedbackStages[in.Part], key, result)
}
