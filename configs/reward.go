package configs

import (
	"slices"

	"elara/spec"
)

// rewardJobKeys is the table of a file that trains a reward model.
func rewardJobKeys(job *spec.RewardJob) *section {
	foreign := slices.Concat(trlKeys(),
		refuse("prompts have the form that audience says", named("chat_template_path")),
		refuse("a text ends with the tokenizer's own end-of-text token", named("eos_token")))
	lora := loraConfigKeys(&job.LoRA)
	lora.foreign = slices.Concat(refuse("a reward model is a sequence classifier, expected SEQ_CLS", named("task_type", "SEQ_CLS")),
		slices.DeleteFunc(lora.foreign, func(k foreignKey) bool { return k.name == "task_type" }))
	args := pairArgsKeys(&job.Args, &job.PairData, &job.DisableDropout, 1e-4, foreign,
		number("center_rewards_coefficient", &job.CenterRewardsCoefficient, 0, interval{low: 0, high: 100}, "Weight of a loss that keeps the mean of the scores near zero.").orNull())
	return &section{keys: pairKeys(&job.BaseModel, &job.OutputDir, &job.PairData, lora, args)}
}

// LoadRewardJob reads a file that trains a reward model. Relative paths are relative to the file. The data must exist, and so must
// the base model unless it is a name on a hub.
func LoadRewardJob(path string) (spec.RewardJob, []Warning, error) {
	tree, err := parseFile(path)
	if err != nil {
		return spec.RewardJob{}, nil, err
	}
	job, tree, err := readRewardJob(tree)
	if err == nil {
		err = pairInputs(&job.BaseModel, job.PairData, tree)
	}
	if err != nil {
		return spec.RewardJob{}, nil, err
	}
	return job, pairWarnings(job.LoRA, job.Args, job.DisableDropout, tree), nil
}

// readRewardJob also gives the tree under the tables' own spelling, with its notes.
func readRewardJob(tree *node) (spec.RewardJob, *node, error) {
	var job spec.RewardJob
	tree, err := rewardJobKeys(&job).read(tree)
	if err == nil {
		err = settlePairs(job.PairData, job.LoRA, &job.Args, job.OutputDir, tree)
	}
	// PEFT's users name the head here; it is trained in any case.
	job.LoRA.ModulesToSave = slices.DeleteFunc(job.LoRA.ModulesToSave, func(name string) bool { return name == "score" })
	return job, tree, err
}
