package configs

import (
	"slices"
	"strings"

	"elara/spec"
)

// rlhfKeys is the table of the block rlhf of a pipeline file. Whether the block is there decides whether the pipeline has the
// stage, so that nothing in it is required by the table.
func (r *pipelineReader) rlhfKeys() *section {
	p := &r.pipeline.Input.RLHF
	c := &p.Collect
	// The files of the three trainings, less what the pipeline knows itself.
	known := []string{
		"base_model", "output_dir", "train_data_path", "eval_data_path", "audience", "lora_config", "init_adapter", "add_pad_token",
		"sft_model_path", "reward_model_path",
	}
	return &section{keys: []key{
		choice("method", &p.Method, spec.MethodDPO, []spec.RLHFMethod{spec.MethodDPO, spec.MethodPPO}, "How an adapter learns from judgements: from the judgements themselves, or from a reward model of them. See docs/rlhf.md."),
		texts("adapters", &p.Adapters, "a list of adapters of this file", identifier(), "Adapters that are aligned; each takes the place of the one it began as.").showDefault("all, in the order of the file"),
		sourcePath("preferences", &p.Preferences, `Preferences in TRL's form that the worker can read, JSONL or Parquet, or "store:DIGEST" for what a collection came to. Without it people are asked.`),
		number("eval_percent", &p.EvalPercent, 10, interval{low: 0, high: 50}, "Prompts whose preferences are held out, in percent; at least one of them where it is above 0."),
		path("prompts", &p.Prompts, "", `Questions for people or the reward model to judge answers to, one a line, or {"text": ...} a line of a *.jsonl file.`).showDefault("those that the adapter was trained on"),
		integer("max_prompts", &p.MaxPrompts, 200, 1, spec.MaxPairs, "Questions at most, the first ones."),
		block("collect", &section{keys: []key{
			integer("per_pair", &c.PerPair, 1, 1, spec.MaxReviewers, "Judgements wanted for each pair of answers."),
			integer("total", &c.Total, 0, 0, maxSteps, "Judgements after which the collection ends all the same; 0: no such bound."),
			number("deadline_hours", &c.DeadlineHours, 336, interval{low: 0, high: 8760}, "Hours after which it ends with what there is; 0: none."),
			number("escalate_hours", &c.EscalateHours, 0, interval{low: 0, high: 8760}, "Hours without a judgement after which somebody is told, again and again; 0: never."),
			texts("reviewers", &c.Reviewers, "a list of names", form{}, "Who may judge.").showDefault("anybody"),
			integer("max_new_tokens", &c.MaxNewTokens, 128, 1, 8192, "Longest answer, in tokens."),
			number("temperature", &c.Temperature, 1, interval{low: 0, high: 100, openLow: true}, "Temperature that the two answers to a prompt are drawn at."),
			integer("seed", &c.Seed, 42, 0, maxSeed, "Seed of what is drawn."),
		}}, "Which answers people are shown, and for how long they are asked. As for elara preferences start."),
		block("reward_model", within(rewardJobKeys(&p.Reward), known), "The reward model of method ppo, with the adapter's lora_config and the keys of a reward file."),
		block("dpo", within(dpoJobKeys(&p.DPO), known), "The training of method dpo, with the keys of a DPO file."),
		block("ppo", within(ppoJobKeys(&p.PPO, "rlhf.ppo"), known), "The training of method ppo, with the keys of a PPO file."),
		choice("device", &p.Device, spec.DefaultDevice, []string{"cpu", "cuda"}, "Class of device: it picks the task queue."),
		integer("segment_steps", &p.SegmentSteps, 200, 1, maxSteps, "Optimiser steps, of ppo iterations, that one activity does before it hands back to the workflow."),
	}}
}

// inItsFile is where the keys of a training within the block are documented.
const inItsFile = "its file"

// within is the table of a file as a block of a pipeline: what the pipeline knows itself is no key there, and what the file's own
// documentation tells is not told again.
func within(s *section, known []string) *section {
	s.keys = slices.DeleteFunc(s.keys, func(k key) bool { return slices.Contains(known, k.name) })
	for i := range s.keys {
		k := &s.keys[i]
		k.required = false
		if k.object != nil {
			within(k.object, known)
		} else {
			k.alsoIn = inItsFile
		}
	}
	return s
}

// settleRLHF fills in the adapters, refuses keys that would not be read and what contradicts itself, and leaves the zero plan where
// the file has no such block.
func (r *pipelineReader) settleRLHF(tree *node) error {
	in := &r.pipeline.Input
	p := &in.RLHF
	block := tree.get("rlhf")
	if block == nil {
		*p = spec.RLHFPlan{}
		return nil
	}
	err := refuseUnread(block, "rlhf", []unread{
		{p.Method == spec.MethodDPO, "method is dpo", []string{"reward_model", "ppo"}},
		{p.Method == spec.MethodPPO, "method is ppo", []string{"dpo"}},
		{p.Preferences != "", "preferences are given", []string{"collect"}},
		{!p.NeedsPrompts(), "preferences are given and method is dpo", []string{"prompts", "max_prompts"}},
	})
	if err != nil {
		return err
	}
	if digest, stored := strings.CutPrefix(p.Preferences, spec.StorePrefix); stored {
		if err := spec.Digest(digest).Check(); err != nil {
			return block.place("preferences").errorf("rlhf.preferences: %w", err)
		}
	}
	if err := settleFeedback(p, block); err != nil {
		return err
	}
	if p.Preferences != "" {
		p.Collect = spec.CollectPlan{}
	}
	if !p.NeedsPrompts() {
		p.MaxPrompts = 0
	}
	if len(p.Adapters) == 0 {
		for _, a := range in.Adapters {
			p.Adapters = append(p.Adapters, a.Name)
		}
	}
	if err := in.CheckRLHF(); err != nil {
		return block.origin.errorf("%w", err)
	}
	return nil
}

// settleFeedback settles the trainings of the method, and empties the others.
func settleFeedback(p *spec.RLHFPlan, block *node) error {
	if p.Method == spec.MethodDPO {
		p.Reward, p.PPO = spec.RewardJob{}, spec.PPOJob{}
		if err := settleJudged(&p.DPO.Args, p.EvalPercent, block, "dpo"); err != nil {
			return err
		}
		return settleDPOLoss(p.DPO, block.place("dpo", "training_args", "loss_type"), "rlhf.dpo.")
	}
	p.DPO = spec.DPOJob{}
	if err := settleJudged(&p.Reward.Args, p.EvalPercent, block, "reward_model"); err != nil {
		return err
	}
	if err := settleTrainingArgs(&p.PPO.Args); err != nil {
		return placed(err, blockOrPlace(block, "ppo"), "rlhf.ppo", "training_args")
	}
	return settlePPOConfig(p.PPO, blockOrPlace(block, "ppo"), "rlhf.ppo")
}

// settleJudged settles the training_args of a training from preferences.
func settleJudged(a *spec.TrainingArgs, evalPercent float64, block *node, name string) error {
	if err := settleTrainingArgs(a); err != nil {
		return placed(err, blockOrPlace(block, name), "rlhf."+name, "training_args")
	}
	if a.EvalStrategy != spec.StrategyNo && evalPercent == 0 {
		return block.place(name, "training_args", "eval_strategy").errorf(
			"rlhf.%s.training_args.eval_strategy: is %q but rlhf.eval_percent is 0, expected both or neither", name, a.EvalStrategy)
	}
	return nil
}

// blockOrPlace gives a block, or an empty one at the place where it would stand.
func blockOrPlace(block *node, name string) *node {
	if inner := block.get(name); inner != nil {
		return inner
	}
	return &node{shape: shapeObject, origin: block.origin}
}
