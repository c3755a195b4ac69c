//go:build torch

package recipes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"elara/data/source"
	"elara/engine/lora"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/optim"
	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
	"elara/spec/fault"
)

// Reward judges answers to prompts, both without padding; an answer that ended by itself holds the token that ended it. It must
// be a function of its arguments alone: an iteration that is run again must find the same.
type Reward func(ctx context.Context, prompts, answers [][]int32) ([]float64, error)

// TrainPPO trains a policy by proximal policy optimisation, from the beginning or from a snapshot, and leaves the policy's PEFT
// files, the tokenizer's files, trainer_state.json and the table of samples in job.OutputDir, and the value function's adapter
// in a folder of that name and "_value", when it is done. reward takes the place of the job's reward model; nil: that one judges.
//
// Policy, reference, value function and reward model are adapters in slots of one frozen base. A step of the loop is one
// iteration: answers, their scores, advantages, and all epochs over them. It follows from the state before it and from counters,
// so that one that was cut anywhere is run again to the same bytes.
func (r *Runner) TrainPPO(ctx context.Context, job spec.PPOJob, reward Reward, resume *spec.Snapshot, observer spec.TrainObserver) (spec.PPOOutcome, error) {
	if err := job.Check(); err != nil {
		return spec.PPOOutcome{}, err
	}
	if reward == nil && job.RewardModelPath == "" && len(job.Scorers) == 0 {
		return spec.PPOOutcome{}, fault.New(fault.Invalid, "reward_model_path is missing: nothing judges the answers")
	}
	base, err := r.acquire(ctx, baseKey{path: job.BaseModel, dtype: r.dtype(job.Args.BF16, false)})
	if err != nil {
		return spec.PPOOutcome{}, err
	}
	defer r.release(base)
	for _, dir := range []string{job.SFTModelPath, job.RewardModelPath} {
		if err := knownTokens(dir, base.key.path, base.tok.Hash()); err != nil {
			return spec.PPOOutcome{}, err
		}
	}
	var made spec.RewardReport
	if job.RewardModelPath != "" {
		if made, err = readReward(job.RewardModelPath, base); err != nil && !errors.Is(err, fs.ErrNotExist) { // one of PEFT has no such file
			return spec.PPOOutcome{}, err
		}
	}
	run := &ppoRun{runner: r, job: job, base: base, model: base.model, reward: reward, reference: nn.NoAdapter}
	defer run.close()
	if len(job.Scorers) > 0 {
		if run.scorers, err = newScorers(job.Scorers, reward != nil || job.RewardModelPath != "", made.Center); err != nil {
			return spec.PPOOutcome{}, err
		}
	}
	if run.prompts, err = run.read(ctx, job.TrainDataPath); err != nil {
		return spec.PPOOutcome{}, err
	}
	if job.EvalDataPath != "" {
		if run.held, err = run.read(ctx, job.EvalDataPath); err != nil {
			return spec.PPOOutcome{}, err
		}
	}
	if err := r.Engine.Do(func() error { return run.open(resume) }); err != nil {
		return spec.PPOOutcome{}, err
	}
	loop, err := run.loop(resume, observer)
	if err != nil {
		return spec.PPOOutcome{}, err
	}
	outcome, err := loop.Run(ctx)
	outcome.TrainableParams, outcome.AllParams = run.trainable, run.trainable+model.Parameters(base.model)
	out := spec.PPOOutcome{TrainOutcome: outcome, Alarms: run.state.Stopped, PolicyVersion: run.state.Version}
	if err != nil || !outcome.Done {
		return out, err
	}
	return out, run.publish(loop.State)
}

// ppoRun is one run in progress: its train.Stepper.
type ppoRun struct {
	runner        *Runner
	job           spec.PPOJob
	base          *base
	model         model.Model // of base
	reward        Reward
	scorers       *scorers // nil: the score is the reward
	prompts, held [][]int32

	policy, value learner
	reference     int             // slot of the adapter that the policy is held near, or nn.NoAdapter
	judge         *lora.Adapter   // the reward model, or nil
	adapters      []*lora.Adapter // all that the run has put on the base
	stop          []int32         // tokens that end an answer
	trainable     int64

	state   ppoState
	healthy []byte     // weights of the last policy whose answers were within the guard's bounds
	samples []byte     // the table so far
	before  []*episode // what it says of the reference; nil: not drawn yet
	halt    func()     // ends the loop after this step
}

// learner is an adapter that is trained.
type learner struct {
	adapter   *lora.Adapter
	optimiser *optim.AdamW
}

// read gives the prompts of a file. Each must leave room for an answer.
func (p *ppoRun) read(ctx context.Context, path string) ([][]int32, error) {
	var prompts [][]int32
	room := int(p.model.Facts().MaxPositions)
	for text, err := range source.Texts(ctx, path) {
		if err != nil {
			return nil, err
		}
		ids := p.base.tok.EncodeWithSpecial(text.Text)
		if len(ids) == 0 || len(ids)+p.job.PPO.ResponseLength > room {
			return nil, fault.At(path, text.Line, "a prompt of %d tokens and a response_length of %d, expected at least one token and together at most the model's %d positions", len(ids), p.job.PPO.ResponseLength, room)
		}
		prompts = append(prompts, ids)
	}
	return prompts, nil
}

// open puts the adapters on. It runs inside Engine.Do.
func (p *ppoRun) open(resume *spec.Snapshot) error {
	if p.job.PPO.StopToken == spec.StopTokenEOS {
		if p.stop = stops(p.base.tok); p.stop == nil {
			return fault.At(p.job.BaseModel, 0, "stop_token is eos, but the tokenizer names no end-of-text token")
		}
	}
	if err := p.attach(); err != nil {
		return err
	}
	if p.trainsHead() {
		return fault.At(p.job.SFTModelPath, 0, "the policy trains the output embedding, which PPO holds constant here: expected an adapter without it in modules_to_save")
	}
	for _, l := range []*learner{&p.policy, &p.value} {
		l.optimiser = newOptimiser(l.adapter.Names(), l.adapter.Tensors(), p.job.Args)
		p.trainable += l.adapter.Trainable()
	}
	p.runner.notice(lora.Line(p.trainable, model.Parameters(p.model)))
	if resume == nil {
		p.state = newPPOState(p.job.PPO)
		var err error
		p.healthy, err = p.policy.adapter.EncodeWeights()
		return err
	}
	return p.restore(resume.Files)
}

// attach fills the slots: policy and reference, reward model and value function.
func (p *ppoRun) attach() (err error) {
	key := tensor.Key(uint64(p.job.Args.Seed)).Named("ppo")
	scored := p.job.LoRA
	scored.TaskType = spec.TaskSeqCls
	fresh := func(config spec.LoRAConfig, purpose string) func(slot int) (*lora.Adapter, error) {
		return func(slot int) (*lora.Adapter, error) { return lora.New(p.model, slot, config, key.Named(purpose)) }
	}
	policy, value := fresh(p.job.LoRA, "policy"), fresh(scored, "value")
	if dir := p.job.SFTModelPath; dir != "" {
		policy = func(slot int) (*lora.Adapter, error) { return lora.LoadShared(p.model, slot, dir) }
		reference, err := p.put(policy)
		if err != nil {
			return err
		}
		p.reference = reference.Slot()
	}
	if dir := p.job.RewardModelPath; dir != "" {
		value = func(slot int) (*lora.Adapter, error) { return lora.LoadSharedScorer(p.model, slot, dir) }
		if p.judge, err = p.put(value); err != nil {
			return err
		}
	}
	if p.policy.adapter, err = p.put(policy); err != nil {
		return err
	}
	if p.value.adapter, err = p.put(value); err != nil || p.judge != nil {
		return err
	}
	// A fresh value function foretells nothing: what it drew at random would be taken for advantages.
	p.runner.Engine.NoGrad(func() {
		head := p.value.adapter.Score.Weight
		p.runner.Engine.Scope(func() { head.Copy(p.runner.Engine.Zeros(tensor.Float32, head.Shape()...)) })
	})
	return nil
}

// put lets attach fill a free slot.
func (p *ppoRun) put(attach func(slot int) (*lora.Adapter, error)) (*lora.Adapter, error) {
	a, err := p.base.put(attach)
	if err == nil {
		p.adapters = append(p.adapters, a)
	}
	return a, err
}

// trainsHead reports whether the policy has an output embedding of its own.
func (p *ppoRun) trainsHead() (trains bool) {
	pass := &nn.Pass{Private: p.model.Private(), Adapter: p.policy.adapter.Slot(), Tokens: []int64{0}}
	p.runner.Engine.Scope(func() { trains = pass.Head(p.model.Head()) != p.model.Head() })
	return trains
}

// loop sets the training loop up: a step takes the prompts of one iteration, and those that do not fill one are left out.
func (p *ppoRun) loop(resume *spec.Snapshot, observer spec.TrainObserver) (*train.Loop, error) {
	args := p.job.Args
	args.PerDeviceTrainBatchSize, args.GradientAccumulationSteps = p.job.BatchSize()/p.job.PPO.NumGenerations, 1
	args.MaxSteps, args.DataloaderDropLast = p.job.Iterations(), true
	if len(p.prompts) < args.PerDeviceTrainBatchSize {
		return nil, fault.At(p.job.TrainDataPath, 0, "%d prompts, expected at least the %d of an iteration: fewer answers (per_device_train_batch_size, gradient_accumulation_steps, num_mini_batches) or more to each prompt (num_generations)", len(p.prompts), args.PerDeviceTrainBatchSize)
	}
	plan, err := train.NewPlan(args, len(p.prompts))
	if err != nil {
		return nil, err
	}
	l, err := train.NewLoop(args, plan, p, resume, observer)
	if err != nil {
		return nil, err
	}
	if resume != nil && p.state.Version > resume.Step {
		return nil, fault.New(fault.Corrupt, "snapshot of step %d holds policy %d", resume.Step, p.state.Version)
	}
	l.Timings = p.runner.Timings
	p.halt = func() { l.State.Callbacks.Control.Args.TrainingStop = true }
	return l, nil
}

// publish writes the policy, and the value function into a folder beside it.
func (p *ppoRun) publish(state *train.State) error {
	p.runner.publishing.Lock()
	defer p.runner.publishing.Unlock()
	var policy, value map[string][]byte
	err := p.runner.Engine.Do(func() (err error) {
		name := filepath.Base(p.job.BaseModel)
		if policy, err = p.policy.adapter.Encode(name); err != nil {
			return err
		}
		value, err = p.value.adapter.Encode(name)
		return err
	})
	if err != nil {
		return err
	}
	if policy[train.StateFile], err = state.Encode(); err != nil {
		return err
	}
	if len(p.samples) > 0 {
		policy[samplesFile] = p.samples
	}
	if err := writeFolder(strings.TrimRight(p.job.OutputDir, "/")+"_value", value, nil); err != nil {
		return fmt.Errorf("the value function: %w", err)
	}
	return writeFolder(p.job.OutputDir, policy, p.base.tok.Save)
}

// close takes the adapters off and frees what the run pinned.
func (p *ppoRun) close() {
	// Freeing cannot fail; what Do reports here would be a panic of our own, and the run's error matters more.
	_ = p.runner.Engine.Do(func() error {
		for _, l := range []learner{p.policy, p.value} {
			if l.optimiser != nil {
				l.optimiser.Free()
			}
		}
		for _, a := range p.adapters {
			p.base.remove(a)
		}
		return nil
	})
}
