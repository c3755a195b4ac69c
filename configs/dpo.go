package configs

import (
	"slices"

	"elara/spec"
)

// dpoJobKeys is the table of a file that trains by direct preference optimisation.
func dpoJobKeys(job *spec.DPOJob) *section {
	foreign := slices.Concat(trlKeys(),
		refuse("a sequence that is too long is cut at its end, expected keep_start", named("truncation_mode", "keep_start")),
		refuse("there is one loss, of loss_type", named("loss_weights")),
		refuse("the loss is DPO's own, remove it", named("ld_alpha"), named("f_divergence_type", "reverse_kl"), named("f_alpha_divergence_coef", "0.5"),
			named("use_weighting"), named("discopop_tau", "0.05")),
		refuse("the reference stays what it was before the first step", named("sync_ref_model")),
		noEffect("it belongs to a key that is not supported", named("ref_model_mixup_alpha", "0.6"), named("ref_model_sync_steps", "512")),
		refuse("models of experts are not supported", named("router_aux_loss_coef", "0.001")),
		noEffect("sequences are never padded", named("padding_free")),
		noEffect("the reference's log-probabilities are computed once in any case", named("precompute_ref_log_probs"), named("precompute_ref_batch_size")))
	args := pairArgsKeys(&job.Args, &job.PairData, &job.DisableDropout, 1e-6, foreign,
		number("beta", &job.Beta, 0.1, interval{low: 0, high: 100, openLow: true}, "Strength of the pull towards the reference."),
		oneOf(choice("loss_type", &job.LossType, spec.DPOSigmoid, []spec.DPOLoss{spec.DPOSigmoid, spec.DPORobust}, "DPO's loss; robust: for judgements of which a share label_smoothing is the wrong way round.")),
		number("label_smoothing", &job.LabelSmoothing, 0, interval{low: 0, high: 0.5, openHigh: true}, "For loss_type robust: the share of judgements that are the wrong way round."))
	s := &section{keys: pairKeys(&job.BaseModel, &job.OutputDir, &job.PairData, loraConfigKeys(&job.LoRA), args)}
	s.keys = append(s.keys,
		path("init_adapter", &job.InitAdapter, "", "SFT adapter to begin from, a PEFT folder; it is the reference too. Without it the base is.").orNull(),
		addPadTokenKey(&job.AddPadToken, false))
	return s
}

// oneOf lets a list of one word stand for the word.
func oneOf(k key) key {
	word := k.set
	k.set = func(n *node) error {
		if n.shape == shapeList && len(n.items) == 1 {
			n = n.items[0]
		}
		return word(n)
	}
	return k
}

// LoadDPOJob reads a file that trains by direct preference optimisation, as LoadRewardJob does.
func LoadDPOJob(path string) (spec.DPOJob, []Warning, error) {
	tree, err := parseFile(path)
	if err != nil {
		return spec.DPOJob{}, nil, err
	}
	job, tree, err := readDPOJob(tree)
	if err == nil {
		err = pairInputs(&job.BaseModel, job.PairData, tree)
	}
	if err == nil {
		err = findInputs(tree, input{"init_adapter", job.InitAdapter, adapterInput})
	}
	if err != nil {
		return spec.DPOJob{}, nil, err
	}
	warnings := pairWarnings(job.LoRA, job.Args, job.DisableDropout, tree)
	if job.EvalDataPath != "" && job.Args.EvalStrategy == spec.StrategyNo {
		warnings = append(warnings, tree.place("eval_data_path").warning("eval_data_path is not measured: eval_strategy is \"no\""))
	}
	return job, warnings, nil
}

// readDPOJob also gives the tree under the tables' own spelling, with its notes.
func readDPOJob(tree *node) (spec.DPOJob, *node, error) {
	var job spec.DPOJob
	tree, err := dpoJobKeys(&job).read(tree)
	if err == nil {
		err = settlePairs(job.PairData, job.LoRA, &job.Args, job.OutputDir, tree)
	}
	if err == nil {
		err = settleDPOLoss(job, tree.place("training_args", "loss_type"), "")
	}
	return job, tree, err
}

// settleDPOLoss refuses a loss without its share, and a share without its loss; prefix is the place of training_args.
func settleDPOLoss(job spec.DPOJob, at origin, prefix string) error {
	if (job.LabelSmoothing > 0) != (job.LossType == spec.DPORobust) {
		return at.errorf("%straining_args.loss_type: is %s and label_smoothing %v, expected robust with label_smoothing above 0, or sigmoid with 0",
			prefix, job.LossType, job.LabelSmoothing)
	}
	return nil
}
