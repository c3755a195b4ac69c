package spec

// PairData is what the two trainings from preferences, of a reward model and by DPO, are told about their data.
type PairData struct {
	// TrainDataPath and EvalDataPath are files in TRL's preference form: prompt, chosen and rejected, JSONL or Parquet.
	TrainDataPath string `json:"train_data_path"`
	EvalDataPath  string `json:"eval_data_path,omitempty"`
	// Audience puts prompts that are one question into the guide's template for it; empty: a text is taken as it is, and the
	// messages of a chat in the template's form.
	Audience  Audience `json:"audience,omitempty"`
	MaxLength int      `json:"max_length"` // most tokens of prompt and answer together
}

// RewardJob is the training of one reward model on this machine, with local paths. The JSON names are those of TRL's RewardConfig
// and of the guide's training files; package configs reads, checks and fills it.
type RewardJob struct {
	BaseModel string `json:"base_model"` // as in LoRAJob
	OutputDir string `json:"output_dir"`
	PairData
	// CenterRewardsCoefficient weighs a loss that keeps the mean of the scores near zero; 0: none.
	CenterRewardsCoefficient float64      `json:"center_rewards_coefficient,omitempty"`
	DisableDropout           bool         `json:"disable_dropout"` // of the base and of the adapter
	LoRA                     LoRAConfig   `json:"lora_config"`
	Args                     TrainingArgs `json:"training_args"`
}

// RewardOutcome is how the training of a reward model, or a segment of it, ended.
type RewardOutcome struct {
	TrainOutcome
	Report *RewardReport `json:"report,omitempty"` // set when Done
}

// RewardReport is reward.json, which lies beside a reward model's PEFT files: what its scores mean, and how good they are.
type RewardReport struct {
	// Center is the mean score of the chosen answers of the training pairs. A reward is the score less the center. It is kept
	// here and not in the weights, because transformers' score head has no bias.
	Center float64 `json:"center"`

	// What a score is made over. A reward model is refused with another base or tokenizer, or under another template.
	Base      Digest   `json:"base"`      // of the base's files
	Tokenizer Digest   `json:"tokenizer"` // by its effect
	Template  Digest   `json:"template"`  // of the guide's template
	Audience  Audience `json:"audience,omitempty"`
	MaxLength int      `json:"max_length"`

	Pairs   int64         `json:"pairs"`              // it was trained on
	HeldOut *HeldOutPairs `json:"held_out,omitempty"` // nil where there were none
}

// HeldOutPairs says how a reward model does on pairs that it was not trained on.
type HeldOutPairs struct {
	Pairs            int64    `json:"pairs"`
	Right            int64    `json:"right"`             // whose chosen answer has the higher score
	Accuracy         Estimate `json:"accuracy"`          // Right of Pairs, with Wilson's interval
	Calibration      []Band   `json:"calibration"`       // pairs by the probability that the model gives its own choice
	MeanMargin       float64  `json:"mean_margin"`       // mean of chosen less rejected
	CalibrationError float64  `json:"calibration_error"` // mean distance of predicted and observed, over all pairs
}

// Band is a range of predicted probabilities: what was predicted in it, and what was observed.
type Band struct {
	From      float64  `json:"from"`
	To        float64  `json:"to"`
	Pairs     int64    `json:"pairs"`
	Predicted float64  `json:"predicted"` // mean probability that the answer with the higher score is preferred; 0 without pairs
	Observed  Estimate `json:"observed"`  // share of pairs in which it was, with Wilson's interval
}
