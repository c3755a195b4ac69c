package configs

import (
	"errors"

	"elara/spec"
)

// pretrainKeys is the table of the block pretrain of a pipeline file. Whether the block is there decides whether the pipeline
// has the stage, so that nothing in it is required by the table.
func (r *pipelineReader) pretrainKeys() *section {
	p := &r.pipeline.Input.Pretrain
	args := trainingArgsKeys(&p.Args)
	documentedIn("defaults", args.keys)
	return &section{keys: []key{
		blocks("sources", corpusKeys(&spec.CorpusSource{}), r.readCorpus, "Running text. A block without it is an error.").showDefault("none: no such stage"),
		number("eval_percent", &p.EvalPercent, 0, interval{low: 0, high: 50}, "Documents held out, in percent. A document always falls on the same side."),
		maxLengthKey(&p.MaxLength),
		appendEOSKey(&p.AppendEOS, true),
		longDocumentsKey(&p.LongDocuments, spec.LongSplit, spec.LongCut),
		block("training_args", args, "The training, with the keys of defaults.training_args. Everything is trained in float32."),
		choice("device", &p.Device, spec.DefaultDevice, []string{"cpu", "cuda"}, "Class of device: it picks the task queue."),
		integer("segment_steps", &p.SegmentSteps, 200, 1, maxSteps, "Optimiser steps one activity does before it hands back to the workflow."),
	}}
}

// corpusKeys is the table of one entry of pretrain.sources.
func corpusKeys(s *spec.CorpusSource) *section {
	return &section{keys: []key{
		path("path", &s.Path, "", `Text file, folder of *.txt and *.jsonl, or glob, that the worker can read. A *.jsonl file holds {"text": ...} a line.`).require(),
		sampleByKey(&s.SampleBy),
	}}
}

func sampleByKey(target *spec.SampleBy) key {
	return choice("sample_by", target, spec.ByLine, []spec.SampleBy{spec.ByLine, spec.ByParagraph, spec.ByDocument},
		"What a document of running text is: a line, what blank lines divide, or a file. Of datasets' text loader.")
}

func longDocumentsKey(target *spec.LongDocuments, fallback, other spec.LongDocuments) key {
	return choice("long_documents", target, fallback, []spec.LongDocuments{fallback, other},
		"What becomes of a document of more than max_length tokens: it is cut off there, as the guide does, or split into rows that overlap by one token, so that no text is lost.")
}

// readCorpus reads one entry of pretrain.sources.
func (r *pipelineReader) readCorpus(index int, n *node) error {
	var from spec.CorpusSource
	if err := corpusKeys(&from).decode(n, listPath("pretrain.sources", index)); err != nil {
		return err
	}
	r.pipeline.Input.Pretrain.Sources = append(r.pipeline.Input.Pretrain.Sources, from)
	return nil
}

// settlePretrain derives what follows from other keys of the block, refuses what contradicts itself, and leaves the zero plan
// where the file has no such block.
func (r *pipelineReader) settlePretrain(tree *node) error {
	p := &r.pipeline.Input.Pretrain
	block := tree.get("pretrain")
	if block == nil {
		*p = spec.PretrainPlan{}
		return nil
	}
	if len(p.Sources) == 0 {
		return block.origin.errorf("pretrain.sources: missing, expected a list of blocks")
	}
	if err := settleFullTraining(&p.Args, block, "pretrain"); err != nil {
		return err
	}
	if p.Args.EvalStrategy != spec.StrategyNo && p.EvalPercent == 0 {
		return block.place("training_args", "eval_strategy").errorf(
			"pretrain.training_args.eval_strategy: is %q but eval_percent is 0, expected both or neither", p.Args.EvalStrategy)
	}
	return nil
}

// settleFullTraining settles the training_args of a training of all weights, in the block or file that holds them.
func settleFullTraining(a *spec.TrainingArgs, tree *node, path string) error {
	err := settleTrainingArgs(a)
	float32Only := errors.New("is true, but all weights are trained in float32, expected false")
	switch {
	case err != nil:
	case a.BF16:
		err = at(float32Only, "bf16")
	case a.FP16:
		err = at(float32Only, "fp16")
	case a.LabelSmoothingFactor > 0:
		err = at(errors.New("is not built into this training, expected 0"), "label_smoothing_factor")
	case a.GradientCheckpointing:
		err = at(errors.New("is not built into this training, expected false"), "gradient_checkpointing")
	}
	if err != nil {
		return placed(err, tree, path, "training_args")
	}
	return nil
}

// pretrainJobKeys is the table of a pre-training file.
func pretrainJobKeys(job *spec.PretrainJob) *section {
	args := trainingArgsKeys(&job.Args)
	documentedIn("defaults", args.keys)
	args.keys = append(args.keys, checkpointsKey(&job.Args))
	return &section{keys: []key{
		path("base_model", &job.BaseModel, "", "Base model: a folder in Hugging Face form, or a .gguf file.").require(),
		choice("model_type", &job.ModelType, "causal_lm", []string{"causal_lm"}, "Kind of model."),
		path("output_dir", &job.OutputDir, "", "Folder for the model, in Hugging Face form.").require(),
		path("train_data_path", &job.TrainDataPath, "", `Documents: a text file, or JSONL of {"text": ...}.`).require(),
		path("eval_data_path", &job.EvalDataPath, "", "Held-out documents, in the same form."),
		sampleByKey(&job.SampleBy),
		maxLengthKey(&job.MaxLength),
		appendEOSKey(&job.AppendEOS, false),
		longDocumentsKey(&job.LongDocuments, spec.LongCut, spec.LongSplit),
		block("training_args", args, "The training, with the keys of a training file. Everything is trained in float32."),
	}}
}

// LoadPretrainJob reads a continued pre-training in the form of the guide's other files. Relative paths are relative to the
// file. The base model and the data must exist.
func LoadPretrainJob(path string) (spec.PretrainJob, []Warning, error) {
	tree, err := parseFile(path)
	if err != nil {
		return spec.PretrainJob{}, nil, err
	}
	job, tree, err := readPretrainJob(tree)
	if err != nil {
		return spec.PretrainJob{}, nil, err
	}
	const documents = "a text file or a JSONL file"
	if err := findInputs(tree, input{"base_model", job.BaseModel, modelInput},
		input{"train_data_path", job.TrainDataPath, documents}, input{"eval_data_path", job.EvalDataPath, documents}); err != nil {
		return spec.PretrainJob{}, nil, err
	}
	return job, tree.warnings(), nil
}

// readPretrainJob also gives the tree under the tables' own spelling, with its notes.
func readPretrainJob(tree *node) (spec.PretrainJob, *node, error) {
	var job spec.PretrainJob
	tree, err := pretrainJobKeys(&job).read(tree)
	if err == nil {
		err = settleFullTraining(&job.Args, tree, "")
	}
	if err == nil {
		err = settleFolders(&job.Args, job.OutputDir, job.EvalDataPath, tree)
	}
	if err != nil {
		return spec.PretrainJob{}, nil, err
	}
	return job, tree, nil
}
