package configs

import (
	"slices"

	"elara/spec"
)

// pairKeys are the keys that the files of the two trainings from preferences have in common. Those of TRL stand in args, among the
// TrainingArguments, of which TRL's configurations are children.
func pairKeys(base, out *string, data *spec.PairData, lora *section, args *section) []key {
	documentedIn("lora_config", lora.keys)
	return []key{
		text("base_model", base, "", form{expected: baseModelKind}, "Base model, as in a training file.").require(),
		path("output_dir", out, "", "Folder for what is trained.").require(),
		path("train_data_path", &data.TrainDataPath, "", "Preferences to train on: prompt, chosen and rejected as texts or chat messages, JSONL or Parquet.").require(),
		path("eval_data_path", &data.EvalDataPath, "", "Held-out preferences, in the same form."),
		choice("audience", &data.Audience, "", spec.Audiences(), "Put prompts, which are questions then, into the guide's template for this audience. Without it a text is taken as it is, and a chat's messages in the template's form.").orNull(),
		block("lora_config", lora, "The adapter, with the keys of a training file."),
		block("training_args", args, "The training, with the keys of a training file and these of TRL's."),
	}
}

// pairArgsKeys is TrainingArguments with the defaults of TRL 1.16's RewardConfig and DPOConfig, and with their keys.
func pairArgsKeys(a *spec.TrainingArgs, data *spec.PairData, disableDropout *bool, rate float64, foreign []foreignKey, own ...key) *section {
	s := changedArgsKeys(a, rate, 10)
	const ofAnotherLoss = "label_smoothing_factor"
	s.keys = slices.DeleteFunc(s.keys, func(k key) bool { return k.name == ofAnotherLoss })
	s.foreign = slices.Concat(s.foreign, foreign, refuse("it is not part of this loss, expected 0", named(ofAnotherLoss, "0", "0.0")))
	s.keys = append(s.keys, checkpointsKey(a),
		integer("max_length", &data.MaxLength, 1024, 8, maxRowTokens, "Most tokens of a prompt and an answer together."),
		boolean("disable_dropout", disableDropout, true, "No dropout, neither the base's nor the adapter's."))
	s.keys = append(s.keys, own...)
	return s
}

// trlKeys lists what RewardConfig and DPOConfig of TRL 1.16 have in common and is not honoured.
func trlKeys() []foreignKey {
	return slices.Concat(
		refuse("base_model says which model", named("model_init_kwargs")),
		refuse("code of a model is never run, remove it", named("trust_remote_code")),
		noEffect("rows are read before the first step", named("dataset_num_proc")),
		noEffect("sequences are not padded", named("pad_to_multiple_of", "auto"), named("pad_token")),
		refuse("activations stay on the device; gradient_checkpointing saves their memory", named("activation_offloading")),
	)
}

// settlePairs derives what follows from other keys and refuses what contradicts itself.
func settlePairs(data spec.PairData, lora spec.LoRAConfig, a *spec.TrainingArgs, out string, tree *node) error {
	if err := settle(lora, a, tree, ""); err != nil {
		return err
	}
	return settleFolders(a, out, data.EvalDataPath, tree)
}

// pairInputs resolves the base model and looks whether the files are there.
func pairInputs(base *string, data spec.PairData, tree *node) error {
	if err := findBase(base, tree); err != nil {
		return err
	}
	const pairs = "a JSONL or Parquet file"
	return findInputs(tree, input{"train_data_path", data.TrainDataPath, pairs}, input{"eval_data_path", data.EvalDataPath, pairs})
}

// pairWarnings says what a file leaves to be surprised by.
func pairWarnings(lora spec.LoRAConfig, a spec.TrainingArgs, disableDropout bool, tree *node) []Warning {
	warnings := tree.warnings()
	if disableDropout && lora.Dropout > 0 {
		warnings = append(warnings, tree.place("lora_config", "dropout").warning("lora_config.dropout has no effect: training_args.disable_dropout is true"))
	}
	return append(warnings, fp16Warning(a, tree)...)
}
