package spec

import "elara/spec/fault"

// StagePPO is the reinforcement of a policy by a reward model.
const StagePPO = "ppo"

// PPOJob is one run of proximal policy optimisation: a LoRA policy over a frozen base, held near its reference.
type PPOJob struct {
	BaseModel string `json:"base_model"` // folder in Hugging Face form, or a .gguf file
	// SFTModelPath is the PEFT folder of the adapter that the policy begins as and that stays its reference; empty: the policy
	// is a fresh adapter of LoRA, and the base itself is its reference.
	SFTModelPath string `json:"sft_model_path,omitempty"`
	// RewardModelPath is the PEFT folder of a reward model over the same base. The value function begins as a copy of it.
	RewardModelPath string `json:"reward_model_path,omitempty"`
	// Scorers say what an answer is worth, in a weighted sum; none: what the reward model says.
	Scorers       []Scorer   `json:"scorers,omitempty"`
	OutputDir     string     `json:"output_dir"`
	TrainDataPath string     `json:"train_data_path"` // prompts: JSONL of {"text": ...}
	EvalDataPath  string     `json:"eval_data_path,omitempty"`
	LoRA          LoRAConfig `json:"lora_config"` // of a fresh policy, and of the value function where there is no reward model
	PPO           PPOConfig  `json:"ppo_config"`
	// Args are the training's: output_dir, rate and schedule, batch, AdamW, clipping, logging, saving, seed, bf16. A step is one
	// iteration, and max_steps follows from total_episodes.
	Args TrainingArgs `json:"training_args"`
}

// PPOConfig holds the keys of TRL's PPOConfig under their own names: PPOv2Config of 0.11.4, and where it has none, PPOConfig of
// the same release (adap_kl_ctrl to target_kl).
type PPOConfig struct {
	TotalEpisodes                int64 `json:"total_episodes"` // answers of the whole run
	NumPPOEpochs                 int   `json:"num_ppo_epochs"`
	NumMiniBatches               int   `json:"num_mini_batches"` // optimiser steps in one epoch over an iteration's answers
	NumGenerations               int   `json:"num_generations"`  // answers to each prompt of an iteration
	LocalRolloutForwardBatchSize int   `json:"local_rollout_forward_batch_size"`
	NumSampleGenerations         int64 `json:"num_sample_generations"` // tables of answers over the run; 0: none

	ResponseLength    int     `json:"response_length"` // tokens of an answer at most
	StopToken         string  `json:"stop_token"`      // StopTokenEOS or StopTokenNone
	Temperature       float64 `json:"temperature"`
	MissingEOSPenalty float64 `json:"missing_eos_penalty,omitempty"` // subtracted from the score of an answer that did not end

	WhitenRewards  bool    `json:"whiten_rewards,omitempty"`
	KLCoef         float64 `json:"kl_coef"`
	KLEstimator    string  `json:"kl_estimator"` // "k1" or "k3"
	ClipRange      float64 `json:"cliprange"`
	VFCoef         float64 `json:"vf_coef"`
	ClipRangeValue float64 `json:"cliprange_value"`
	Gamma          float64 `json:"gamma"`
	Lam            float64 `json:"lam"`

	AdapKLCtrl bool    `json:"adap_kl_ctrl,omitempty"` // the coefficient begins at InitKLCoef and follows the KL
	InitKLCoef float64 `json:"init_kl_coef,omitempty"`
	Target     float64 `json:"target,omitempty"`  // KL of an answer, in nats
	Horizon    float64 `json:"horizon,omitempty"` // episodes

	UseScoreScaling bool    `json:"use_score_scaling,omitempty"`
	UseScoreNorm    bool    `json:"use_score_norm,omitempty"`
	ScoreClip       float64 `json:"score_clip,omitempty"` // 0: not clipped

	EarlyStopping bool    `json:"early_stopping,omitempty"` // an iteration ends where approximate KL is over 1.5 TargetKL
	TargetKL      float64 `json:"target_kl,omitempty"`

	Guard PPOGuard `json:"guard"`
}

// PPOGuard holds the bounds of the guard; 0 leaves one out. Reward, entropy and length are held against the first rollout.
type PPOGuard struct {
	MaxKL           float64 `json:"max_kl"`            // nats of an answer
	MaxNegativeKL   float64 `json:"max_negative_kl"`   // nats below 0
	MaxRewardDrop   float64 `json:"max_reward_drop"`   // in deviations of the first scores
	MinEntropyShare float64 `json:"min_entropy_share"` // of the first entropy
	MaxLengthFactor float64 `json:"max_length_factor"` // times as long, or as short
	MinEOSRate      float64 `json:"min_eos_rate"`      // share of the answers that end by themselves
	Patience        int64   `json:"patience"`          // rollouts in a row beyond a bound that end the run
}

// What ends an answer before its length does: the tokenizer's end-of-text token, or nothing.
const (
	StopTokenEOS  = "eos"
	StopTokenNone = "none"
)

// BatchSize is the number of answers of an iteration, as TRL counts it: micro-batch times accumulation times mini-batches.
func (j PPOJob) BatchSize() int {
	return j.Args.PerDeviceTrainBatchSize * j.Args.GradientAccumulationSteps * j.PPO.NumMiniBatches
}

// Iterations is how many there are in the run.
func (j PPOJob) Iterations() int64 {
	batch := int64(j.BatchSize())
	return (j.PPO.TotalEpisodes + batch - 1) / batch
}

// Check refuses a job that contradicts itself.
func (j PPOJob) Check() error {
	c := j.PPO
	refuse := func(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }
	switch {
	case j.Args.PerDeviceTrainBatchSize < 1 || j.Args.GradientAccumulationSteps < 1 || c.NumMiniBatches < 1 || c.NumPPOEpochs < 1 || c.LocalRolloutForwardBatchSize < 1:
		return refuse("per_device_train_batch_size, gradient_accumulation_steps, num_mini_batches, num_ppo_epochs and local_rollout_forward_batch_size: expected at least 1 each")
	case j.BatchSize() < 2:
		return refuse("an iteration of one answer: per_device_train_batch_size, gradient_accumulation_steps and num_mini_batches make %d, expected at least 2, for advantages are whitened", j.BatchSize())
	case c.NumGenerations < 1 || j.BatchSize()%c.NumGenerations != 0:
		return refuse("num_generations %d: expected a divisor of the %d answers of an iteration", c.NumGenerations, j.BatchSize())
	case c.TotalEpisodes < 1 || c.ResponseLength < 1 || c.Temperature <= 0:
		return refuse("total_episodes %d, response_length %d, temperature %v: expected at least 1, at least 1, above 0", c.TotalEpisodes, c.ResponseLength, c.Temperature)
	case c.KLEstimator != "k1" && c.KLEstimator != "k3":
		return refuse("kl_estimator %q: expected k1 or k3", c.KLEstimator)
	case c.StopToken != StopTokenEOS && c.StopToken != StopTokenNone:
		return refuse("stop_token %q: expected eos or none", c.StopToken)
	case c.MissingEOSPenalty != 0 && c.StopToken == StopTokenNone:
		return refuse("missing_eos_penalty %v with stop_token none, expected 0: nothing ends an answer", c.MissingEOSPenalty)
	case c.AdapKLCtrl && (c.InitKLCoef <= 0 || c.Target <= 0 || c.Horizon <= 0):
		return refuse("adap_kl_ctrl: init_kl_coef %v, target %v, horizon %v: expected all above 0", c.InitKLCoef, c.Target, c.Horizon)
	case c.UseScoreNorm && !c.UseScoreScaling:
		return refuse("use_score_norm is set without use_score_scaling, expected both: the mean is taken off where scores are divided by their deviation")
	case c.EarlyStopping && c.TargetKL <= 0:
		return refuse("early_stopping: target_kl %v, expected above 0", c.TargetKL)
	case j.EvalDataPath != "" && c.NumSampleGenerations < 1:
		return refuse("eval_data_path is not read: num_sample_generations is %d, expected at least 1", c.NumSampleGenerations)
	case j.LoRA.Dropout != 0:
		return refuse("lora_config: dropout %v, expected 0: PPO draws and learns without", j.LoRA.Dropout)
	}
	return nil
}

// PPOSample is one line of samples.jsonl: what the reference says to a prompt, and what the policy says after a step, both greedily,
// with the score of each answer. It is the text of patients: it goes into that file and the report of it, and nowhere else.
type PPOSample struct {
	Step        int64   `json:"step"`
	Prompt      string  `json:"prompt"`
	Before      string  `json:"before"`
	After       string  `json:"after"`
	ScoreBefore float64 `json:"score_before"`
	ScoreAfter  float64 `json:"score_after"`
}

// PPOOutcome is how a run, or a segment of one, ended.
type PPOOutcome struct {
	TrainOutcome
	PolicyVersion int64    `json:"policy_version"`   // iterations that the policy which was kept has learnt from
	Alarms        []string `json:"alarms,omitempty"` // of the guard, where it ended the run
}
