package configs

import (
	"strings"

	"elara/spec"
)

// loraJobKeys is the table of a training file: the guide's keys and four of ours.
func loraJobKeys(job *spec.LoRAJob) *section {
	args := trainingArgsKeys(&job.Args)
	args.keys = append(args.keys, checkpointsKey(&job.Args))
	return &section{keys: []key{
		text("base_model", &job.BaseModel, "", form{expected: baseModelKind}, "Base model: a folder in Hugging Face form, a .gguf file, or the name of a model on a hub. What lies on this machine wins; text that begins with '.', '/' or ends in .gguf is a path in any case.").require(),
		choice("model_type", &job.ModelType, "causal_lm", []string{"causal_lm"}, "Kind of model."),
		path("output_dir", &job.OutputDir, "", "Folder for the adapter.").require(),
		path("train_data_path", &job.TrainDataPath, "", `Rows to train on: JSONL of {"text": ...}.`).require(),
		path("eval_data_path", &job.EvalDataPath, "", "Held-out rows, in the same form."),
		block("lora_config", loraConfigKeys(&job.LoRA), "The adapter."),
		block("training_args", args, "The training."),
		maxLengthKey(&job.MaxLength),
		appendEOSKey(&job.AppendEOS, false),
		addPadTokenKey(&job.AddPadToken, true),
		completionOnlyKey(&job.CompletionOnlyLoss),
	}}
}

func maxLengthKey(target *int) key {
	return integer("max_length", target, 512, 8, maxRowTokens, "Tokens a row is cut to.")
}

func appendEOSKey(target *bool, fallback bool) key {
	return boolean("append_eos", target, fallback, "End each row with a supervised end-of-text token, so that the model learns to stop.")
}

func addPadTokenKey(target *bool, fallback bool) key {
	return boolean("add_pad_token", target, fallback, "Add the guide's <PAD> token and resize the embeddings.")
}

func completionOnlyKey(target *bool) key {
	return boolean("completion_only_loss", target, false, "Supervise the answer alone: the tokens after the last assistant marker of the template. False is the guide's loss, over the whole text.").orNull().also("assistant_only_loss", "assistant_only")
}

// LoadLoRAJob reads a training file in the guide's form. Relative paths are relative to the file. The data must exist, and
// so must the base model unless it is a name on a hub, which is fetched elsewhere: the job has an absolute path or that name.
func LoadLoRAJob(path string) (spec.LoRAJob, []Warning, error) {
	tree, err := parseFile(path)
	if err != nil {
		return spec.LoRAJob{}, nil, err
	}
	job, tree, err := readLoRAJob(tree)
	if err != nil {
		return spec.LoRAJob{}, nil, err
	}
	if err := findBase(&job.BaseModel, tree); err != nil {
		return spec.LoRAJob{}, nil, err
	}
	if err := findInputs(tree, input{"train_data_path", job.TrainDataPath, rowsInput}, input{"eval_data_path", job.EvalDataPath, rowsInput}); err != nil {
		return spec.LoRAJob{}, nil, err
	}
	return job, warningsOf(job, tree), nil
}

// decodeLoRAJob reads a training file without looking at what its paths point to.
func decodeLoRAJob(tree *node) (spec.LoRAJob, error) {
	job, _, err := readLoRAJob(tree)
	return job, err
}

// readLoRAJob also gives the tree under the tables' own spelling, with its notes.
func readLoRAJob(tree *node) (spec.LoRAJob, *node, error) {
	var job spec.LoRAJob
	tree, err := loraJobKeys(&job).read(tree)
	if err == nil {
		err = settle(job.LoRA, &job.Args, tree, "")
	}
	if err == nil {
		err = settleFolders(&job.Args, job.OutputDir, job.EvalDataPath, tree)
	}
	if err != nil {
		return spec.LoRAJob{}, nil, err
	}
	return job, tree, nil
}

// place is where the innermost of nested keys that stands in the text stands.
func (n *node) place(names ...string) origin {
	at := n.origin
	for _, name := range names {
		if n = n.get(name); n == nil {
			break
		}
		at = n.origin
	}
	return at
}

// placeOf is where a key of a block stands, also one of an entry of the block's list, such as candidates[1].name.
func (n *node) placeOf(list, key string) origin {
	for i, entry := range n.get(list).items {
		if inner, found := strings.CutPrefix(key, listPath(list, i)+"."); found {
			return entry.place(inner)
		}
	}
	return n.place(key)
}

// warningsOf says what a training file leaves to be surprised by.
func warningsOf(job spec.LoRAJob, tree *node) []Warning {
	warnings := tree.warnings()
	if !job.AppendEOS {
		warnings = append(warnings, tree.place("append_eos").warning("append_eos is false: the rows have no end token, so the model will not learn to stop"))
	}
	warnings = append(warnings, fp16Warning(job.Args, tree)...)
	if job.EvalDataPath != "" && job.Args.EvalStrategy == "no" {
		warnings = append(warnings, tree.place("eval_data_path").warning("eval_data_path is not read: eval_strategy is \"no\""))
	}
	return warnings
}

func fp16Warning(a spec.TrainingArgs, tree *node) []Warning {
	if !a.FP16 {
		return nil
	}
	return []Warning{tree.place("training_args", "fp16").warning("fp16 needs a GPU: on a CPU the adapter is trained in fp32")}
}
