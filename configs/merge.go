package configs

import (
	"strconv"

	"elara/spec"
)

// mergeKeys is the table of the block merge of a pipeline file. Whether the block is there decides whether the pipeline has the
// stage, so that nothing in it is required by the table.
func (r *pipelineReader) mergeKeys() *section {
	p := &r.pipeline.Input.Merge
	return &section{keys: []key{
		texts("adapters", &p.Adapters, "a list of adapters of this file", identifier(), "Adapters that are merged, in the order of the weights.").showDefault("all, in the order of the file"),
		intoKey(&p.Into),
		mergeDTypeKey(&p.DType),
		blocks("candidates", candidateKeys(&spec.MergeMethod{}), func(index int, n *node) error {
			return readCandidate(index, n, "merge.candidates", &p.Candidates)
		}, "Ways to merge. The one with the lowest held-out loss is taken. A block without it is an error.").showDefault("none: no such stage"),
		mergeSeedKey(&p.Seed),
		integer("max_rows", &p.MaxRows, 200, 1, maxSteps, "Held-out rows of each adapter that the candidates are measured on."),
		choice("device", &p.Device, spec.DefaultDevice, []string{"cpu", "cuda"}, "Class of device: it picks the task queue."),
		evaluateKey(&r.evaluatesMerged),
		block("gates", gateRulesKeys(&p.Gates, spec.MergedGateRules()), "What it is held to for each audience, beside the base, in the keys of an adapter's gates."),
	}}
}

func intoKey(target *spec.MergeInto) key {
	return choice("into", target, spec.IntoAdapter, []spec.MergeInto{spec.IntoAdapter, spec.IntoBase},
		"What comes out: one adapter in PEFT form, or the base model with the adapters in its weights.")
}

func mergeDTypeKey(target *string) key {
	return choice("dtype", target, "float32", []string{"float32", "bfloat16"}, "Type of a merged base's weights.")
}

func mergeSeedKey(target *int64) key {
	return integer("seed", target, 42, 0, maxSeed, "Seed of what dare prunes at random.")
}

// candidateKeys is the table of one entry of candidates, under PEFT's names.
func candidateKeys(m *spec.MergeMethod) *section {
	share := interval{low: 0, high: 1, openLow: true}
	return &section{keys: []key{
		text("name", &m.Name, "", identifier(), "Name of the candidate: its folder, and its place in reports.").require(),
		choice("combination_type", &m.CombinationType, "", spec.CombinationTypes(), "How, by PEFT's add_weighted_adapter.").require(),
		numbers("weights", &m.Weights, interval{low: -100, high: 100}, "One for each adapter.").require(),
		number("density", &m.Density, 0, share, "Share of elements that stay; of ties, dare and magnitude_prune.").showDefault("none: required there, refused elsewhere"),
		choice("majority_sign_method", &m.MajoritySignMethod, "", []spec.MajoritySignMethod{spec.SignTotal, spec.SignFrequency}, "What the sign of the majority is counted in; of ties.").showDefault("total"),
		integer("svd_rank", &m.SVDRank, 0, 1, 1024, "Rank of what comes out; of svd.").showDefault("the largest of the adapters"),
		number("svd_clamp", &m.SVDClamp, 0, share, "Quantile of the factors at which they are cut off; of svd.").showDefault("none: not cut off"),
	}}
}

// numbers is a list of finite real numbers.
func numbers(name string, target *[]float64, within interval, help string) key {
	*target = nil
	k := key{name: name, kind: "a list of numbers", within: within.String(), help: help}
	k.set = func(n *node) error {
		if n.shape != shapeList || len(n.items) == 0 {
			return n.mismatch(k)
		}
		values := make([]float64, len(n.items))
		for i, item := range n.items {
			if err := number(name, &values[i], 0, within, "").set(item); err != nil {
				return item.origin.errorf("%s: %w", name+"["+strconv.Itoa(i)+"]", err)
			}
		}
		*target = values
		return nil
	}
	return k
}

// readCandidate reads one entry of candidates. What must fit the adapters is checked when they are known.
func readCandidate(index int, n *node, list string, into *[]spec.MergeMethod) error {
	var m spec.MergeMethod
	path := listPath(list, index)
	if err := candidateKeys(&m).decode(n, path); err != nil {
		return err
	}
	if m.CombinationType.Elects() && m.MajoritySignMethod == "" {
		m.MajoritySignMethod = spec.SignTotal
	}
	*into = append(*into, m)
	return nil
}

// settleMerge fills in the adapters, refuses what contradicts itself, and leaves the zero plan where the file has no such block.
func (r *pipelineReader) settleMerge(tree *node) error {
	in := &r.pipeline.Input
	p := &in.Merge
	block := tree.get("merge")
	if block == nil {
		*p = spec.MergePlan{}
		return nil
	}
	if len(p.Candidates) == 0 {
		return block.origin.errorf("merge.candidates: missing, expected a list of blocks")
	}
	if len(p.Adapters) == 0 {
		for _, a := range in.Adapters {
			p.Adapters = append(p.Adapters, a.Name)
		}
	}
	if key, err := p.Check(); err != nil {
		return block.placeOf("candidates", key).errorf("merge.%s: %w", key, err)
	}
	if err := in.CheckMerge(); err != nil {
		return block.origin.errorf("%w", err)
	}
	return nil
}

// mergeJobKeys is the table of a merge file.
func mergeJobKeys(job *spec.MergeJob) *section {
	return &section{keys: []key{
		path("base_model", &job.BaseModel, "", "Base model: a folder in Hugging Face form, or a .gguf file.").require(),
		blocks("adapters", mergeAdapterKeys(&spec.MergeAdapter{}), func(index int, n *node) error {
			return readMergeAdapter(index, n, &job.Adapters)
		}, "The adapters that are merged, in the order of the weights.").require(),
		intoKey(&job.Into),
		mergeDTypeKey(&job.DType),
		path("output_dir", &job.OutputDir, "", "Folder that gets one folder for each candidate, under its name.").require(),
		blocks("candidates", candidateKeys(&spec.MergeMethod{}), func(index int, n *node) error {
			return readCandidate(index, n, "candidates", &job.Candidates)
		}, "Ways to merge.").require(),
		mergeSeedKey(&job.Seed),
		path("eval_data_path", &job.EvalDataPath, "", `Held-out rows, JSONL of {"text": ...}, by which the candidates are ranked.`),
		integer("max_rows", &job.MaxRows, 0, 0, maxSteps, "Held-out rows at most; 0: all."),
		maxLengthKey(&job.MaxLength),
		appendEOSKey(&job.AppendEOS, false),
		completionOnlyKey(&job.CompletionOnlyLoss),
	}}
}

func mergeAdapterKeys(a *spec.MergeAdapter) *section {
	return &section{keys: []key{
		text("name", &a.Name, "", identifier(), "Name in errors and in the certificate; what dare prunes depends on it.").require(),
		path("path", &a.Path, "", "Adapter folder in PEFT form.").require(),
	}}
}

func readMergeAdapter(index int, n *node, into *[]spec.MergeAdapter) error {
	var a spec.MergeAdapter
	path := listPath("adapters", index)
	if err := mergeAdapterKeys(&a).decode(n, path); err != nil {
		return err
	}
	for _, other := range *into {
		if other.Name == a.Name {
			return n.get("name").origin.errorf("%s.name: a second adapter is named %q, expected every name once", path, a.Name)
		}
	}
	*into = append(*into, a)
	return nil
}

// LoadMergeJob reads a merge file. Relative paths are relative to the file. Base, adapters and held-out rows must exist.
func LoadMergeJob(path string) (spec.MergeJob, []Warning, error) {
	tree, err := parseFile(path)
	if err != nil {
		return spec.MergeJob{}, nil, err
	}
	job, tree, err := readMergeJob(tree)
	if err != nil {
		return spec.MergeJob{}, nil, err
	}
	if err := findInputs(tree, input{"base_model", job.BaseModel, modelInput}, input{"eval_data_path", job.EvalDataPath, rowsInput}); err != nil {
		return spec.MergeJob{}, nil, err
	}
	for i, a := range job.Adapters {
		named := input{listPath("adapters", i) + ".path", a.Path, "an adapter folder in PEFT form"}
		if err := named.find(tree.get("adapters").items[i].get("path")); err != nil {
			return spec.MergeJob{}, nil, err
		}
	}
	return job, tree.warnings(), nil
}

// readMergeJob also gives the tree under the table's own spelling, with its notes.
func readMergeJob(tree *node) (spec.MergeJob, *node, error) {
	var job spec.MergeJob
	tree, err := mergeJobKeys(&job).read(tree)
	if err != nil {
		return job, tree, err
	}
	if key, err := job.Check(); err != nil {
		return job, tree, tree.placeOf("candidates", key).errorf("%s: %w", key, err)
	}
	return job, tree, nil
}
