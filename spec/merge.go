package spec

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"elara/spec/fault"
)

// StageMerge stands between StageTrain and StageEvaluate in a pipeline that has it.
const StageMerge = "merge"

// MergeInto says what a merge gives.
type MergeInto string

const (
	IntoAdapter MergeInto = "adapter" // one adapter in PEFT form
	IntoBase    MergeInto = "base"    // the base model with the adapters in its weights, in Hugging Face form
)

// CombinationType is a way to merge, by the names of PEFT's add_weighted_adapter.
type CombinationType string

const (
	CombineLinear            CombinationType = "linear"
	CombineCat               CombinationType = "cat"
	CombineSVD               CombinationType = "svd"
	CombineTies              CombinationType = "ties"
	CombineTiesSVD           CombinationType = "ties_svd"
	CombineDareLinear        CombinationType = "dare_linear"
	CombineDareTies          CombinationType = "dare_ties"
	CombineDareLinearSVD     CombinationType = "dare_linear_svd"
	CombineDareTiesSVD       CombinationType = "dare_ties_svd"
	CombineMagnitudePrune    CombinationType = "magnitude_prune"
	CombineMagnitudePruneSVD CombinationType = "magnitude_prune_svd"
)

// CombinationTypes lists all of them.
func CombinationTypes() []CombinationType {
	return []CombinationType{
		CombineLinear, CombineCat, CombineSVD, CombineTies, CombineTiesSVD, CombineDareLinear, CombineDareTies, CombineDareLinearSVD,
		CombineDareTiesSVD, CombineMagnitudePrune, CombineMagnitudePruneSVD,
	}
}

// IsSVD reports whether a type works on whole deltas and cuts their sum to a rank.
func (c CombinationType) IsSVD() bool { return c == CombineSVD || strings.HasSuffix(string(c), "_svd") }

// Elects reports whether a type keeps only what agrees with the sign of the majority (TIES, arXiv 2306.01708).
func (c CombinationType) Elects() bool { return strings.Contains(string(c), "ties") }

// PrunesAtRandom reports whether a type drops elements at random and enlarges the others (DARE, arXiv 2311.03099).
func (c CombinationType) PrunesAtRandom() bool { return strings.HasPrefix(string(c), "dare") }

// Prunes reports whether a type drops elements, and so has a density.
func (c CombinationType) Prunes() bool {
	return c.Elects() || c.PrunesAtRandom() || strings.HasPrefix(string(c), "magnitude_prune")
}

// MajoritySignMethod says what the majority of signs is counted in.
type MajoritySignMethod string

const (
	SignTotal     MajoritySignMethod = "total"     // the sum of the elements
	SignFrequency MajoritySignMethod = "frequency" // the number of elements
)

// MergeMethod is one way to merge some adapters, in the words of PEFT's add_weighted_adapter.
type MergeMethod struct {
	Name               string             `json:"name"` // of what it gives, under the rules of RunID
	CombinationType    CombinationType    `json:"combination_type"`
	Weights            []float64          `json:"weights"`                        // one for each adapter
	Density            float64            `json:"density,omitempty"`              // share of elements that stay; 0: the type prunes none
	MajoritySignMethod MajoritySignMethod `json:"majority_sign_method,omitempty"` // empty: the type elects no sign
	SVDRank            int                `json:"svd_rank,omitempty"`             // 0: the largest of the adapters
	SVDClamp           float64            `json:"svd_clamp,omitempty"`            // quantile at which factors are cut off; 0: none
}

// Check refuses what would be ignored, or could not be computed. It returns the key with what is wrong of it.
func (m MergeMethod) Check(adapters int) (key string, err error) {
	wrong := func(key, format string, args ...any) (string, error) {
		return key, fault.New(fault.Invalid, format, args...)
	}
	c := m.CombinationType
	switch {
	case !slices.Contains(CombinationTypes(), c):
		return wrong("combination_type", "is %q, expected one of %v", string(c), CombinationTypes())
	case len(m.Weights) != adapters:
		return wrong("weights", "has %d numbers, expected %d, one for each adapter", len(m.Weights), adapters)
	case slices.ContainsFunc(m.Weights, func(w float64) bool { return math.IsNaN(w) || math.IsInf(w, 0) }):
		return wrong("weights", "has a number that is not finite")
	case c.Prunes() && !(m.Density > 0 && m.Density <= 1):
		return wrong("density", "is %v, expected a share above 0 and at most 1 with %s", m.Density, c)
	case !c.Prunes() && m.Density != 0:
		return wrong("density", "is given with %s, which prunes nothing", c)
	case c.Elects() && m.MajoritySignMethod != SignTotal && m.MajoritySignMethod != SignFrequency:
		return wrong("majority_sign_method", "is %q, expected total or frequency", string(m.MajoritySignMethod))
	case !c.Elects() && m.MajoritySignMethod != "":
		return wrong("majority_sign_method", "is given with %s, which elects no sign", c)
	case !c.IsSVD() && m.SVDRank != 0:
		return wrong("svd_rank", "is given with %s, which has no SVD", c)
	case !c.IsSVD() && m.SVDClamp != 0:
		return wrong("svd_clamp", "is given with %s, which has no SVD", c)
	case m.SVDRank < 0:
		return wrong("svd_rank", "is %d, expected a positive rank", m.SVDRank)
	case !(m.SVDClamp >= 0 && m.SVDClamp <= 1):
		return wrong("svd_clamp", "is %v, expected a quantile above 0 and at most 1", m.SVDClamp)
	}
	return "", nil
}

// checkMerge refuses a merge of some adapters that contradicts itself. It returns the key with what is wrong of it.
func checkMerge(adapters int, into MergeInto, dtype string, candidates []MergeMethod) (key string, err error) {
	wrong := func(key, format string, args ...any) (string, error) {
		return key, fault.New(fault.Invalid, format, args...)
	}
	switch {
	case adapters == 0:
		return wrong("adapters", "names none, expected at least one")
	case len(candidates) == 0:
		return wrong("candidates", "has none, expected at least one way to merge")
	case into != IntoAdapter && into != IntoBase:
		return wrong("into", "is %q, expected %s or %s", string(into), IntoAdapter, IntoBase)
	case dtype != "float32" && dtype != "bfloat16":
		return wrong("dtype", "is %q, expected float32 or bfloat16", dtype)
	case into == IntoAdapter && dtype != "float32":
		return wrong("dtype", "is %s, but a merged adapter is float32", dtype)
	}
	for i, method := range candidates {
		at := fmt.Sprintf("candidates[%d].", i)
		if key, err := method.Check(adapters); err != nil {
			return at + key, err
		}
		if err := RunID(method.Name).Check(); err != nil {
			return at + "name", err
		}
		if slices.ContainsFunc(candidates[:i], func(other MergeMethod) bool { return other.Name == method.Name }) {
			return wrong(at+"name", "a second candidate is named %q, expected every name once", method.Name)
		}
	}
	return "", nil
}

// MergePlan is the merge of a pipeline: some of its adapters, in one or several ways. The zero plan is a pipeline without that
// stage.
type MergePlan struct {
	Adapters   []AdapterName `json:"adapters,omitempty"` // in the order of the weights
	Into       MergeInto     `json:"into,omitempty"`
	DType      string        `json:"dtype,omitempty"` // as in MergeJob
	Candidates []MergeMethod `json:"candidates,omitempty"`
	Seed       int64         `json:"seed,omitempty"`
	MaxRows    int           `json:"max_rows,omitempty"` // held-out rows of each adapter that the candidates are measured on
	Device     string        `json:"device,omitempty"`   // as in AdapterPlan
	// Gates are what the best is held to, beside the base, for the audience of each adapter; zero: it is not measured.
	Gates GateRules `json:"gates,omitzero"`
}

// IsZero reports whether the pipeline has no such stage.
func (p MergePlan) IsZero() bool { return len(p.Candidates) == 0 }

// Check refuses a plan that contradicts itself. It returns the key with what is wrong of it.
func (p MergePlan) Check() (key string, err error) {
	return checkMerge(len(p.Adapters), p.Into, p.DType, p.Candidates)
}

// CheckMerge refuses a merge that contradicts itself or does not fit the pipeline's adapters.
func (in PipelineInput) CheckMerge() error {
	if in.Merge.IsZero() {
		return nil
	}
	if key, err := in.Merge.Check(); err != nil {
		return fmt.Errorf("merge: %s: %w", key, err)
	}
	if _, err := in.readAlike(in.Merge.Adapters); err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	for _, plan := range in.Adapters {
		if plan.AddPadToken && plan.LoRA.trainsEmbeddings() && slices.Contains(in.Merge.Adapters, plan.Name) {
			return fault.New(fault.Invalid, "merge: adapter %s trains embeddings (modules_to_save) with a token more than the base (add_pad_token), "+
				"expected one of both", plan.Name)
		}
	}
	return nil
}

// readAlike refuses names that are none of the pipeline's adapters, and adapters whose rows are not read in one way. It gives the first of
// them.
func (in PipelineInput) readAlike(names []AdapterName) (first AdapterPlan, err error) {
	for _, name := range names {
		at := slices.IndexFunc(in.Adapters, func(a AdapterPlan) bool { return a.Name == name })
		if at < 0 {
			return first, fault.New(fault.Invalid, "no adapter is named %q, expected names of this pipeline's adapters", string(name))
		}
		plan := in.Adapters[at]
		if first.Name == "" {
			first = plan
		}
		if plan.MaxLength != first.MaxLength || plan.AppendEOS != first.AppendEOS || plan.CompletionOnlyLoss != first.CompletionOnlyLoss {
			return first, fault.New(fault.Invalid, "adapters %s and %s differ in max_length, append_eos or completion_only_loss, expected one reading of the held-out rows", first.Name, name)
		}
	}
	return first, nil
}

// refuseNames refuses adapters that have a name of something else that the pipeline makes.
func (in PipelineInput) refuseNames(taken ...AdapterName) error {
	for _, plan := range in.Adapters {
		if slices.Contains(taken, plan.Name) {
			return fault.New(fault.Invalid, "adapter %s: the name is that of something else that this pipeline makes, expected another", plan.Name)
		}
	}
	return nil
}

// MergeInput is the input of the workflow of a merge and of its activities.
type MergeInput struct {
	Run      RunID         `json:"run"`
	Plan     MergePlan     `json:"plan"`
	Base     ArtifactRef   `json:"base"`
	Adapters []MergeTarget `json:"adapters"` // those of the plan, in its order
	// How held-out rows are read, as in AdapterPlan.
	MaxLength          int    `json:"max_length"`
	AppendEOS          bool   `json:"append_eos"`
	CompletionOnlyLoss bool   `json:"completion_only_loss,omitempty"`
	TrainQueue         string `json:"train_queue,omitempty"` // as in PipelineInput
}

// MergeTarget is an adapter with the rows held out for it.
type MergeTarget struct {
	Name    AdapterName `json:"name"`
	Adapter ArtifactRef `json:"adapter"`
	Dataset ArtifactRef `json:"dataset"`
}

// MergeResult is what a merge gave.
type MergeResult struct {
	Best       ArtifactRef       `json:"best"`       // the candidate with the lowest held-out loss: an adapter or a base model
	Candidates []MergedCandidate `json:"candidates"` // the best first
	Report     ArtifactRef       `json:"report"`     // ranking.json: the loss of every held-out row, by candidate
	// Unchanged says why an earlier merge was taken instead; empty: it was made.
	Unchanged string `json:"unchanged,omitempty"`
}

// MergeStatus is the merge of a pipeline that is under way.
type MergeStatus struct {
	WorkflowID string            `json:"workflow_id"`
	Into       MergeInto         `json:"into"`
	Best       ArtifactRef       `json:"best,omitzero"`        // set when it is made
	Candidates []MergedCandidate `json:"candidates,omitempty"` // set when it is made, the best first
}

// MergeJob is one or several merges of the same adapters on this machine, as the engine sees it.
type MergeJob struct {
	BaseModel  string         `json:"base_model"` // folder in Hugging Face form, or a .gguf file
	Adapters   []MergeAdapter `json:"adapters"`
	Into       MergeInto      `json:"into"`
	DType      string         `json:"dtype"`      // of a merged base: float32 or bfloat16
	OutputDir  string         `json:"output_dir"` // gets a folder for each candidate, under its name
	Candidates []MergeMethod  `json:"candidates"`
	Seed       int64          `json:"seed"` // of what is pruned at random
	// What the candidates are measured on; no path: they are not measured.
	EvalDataPath       string `json:"eval_data_path,omitempty"`
	MaxRows            int    `json:"max_rows"`
	MaxLength          int    `json:"max_length"`
	AppendEOS          bool   `json:"append_eos"`
	CompletionOnlyLoss bool   `json:"completion_only_loss,omitempty"`
}

// Check refuses a job that contradicts itself. It returns the key with what is wrong of it.
func (j MergeJob) Check() (key string, err error) {
	return checkMerge(len(j.Adapters), j.Into, j.DType, j.Candidates)
}

// MergeAdapter is one of the adapters that are merged.
type MergeAdapter struct {
	Name string `json:"name"`
	Path string `json:"path"` // folder in PEFT form
}

// MergedCandidate is what a merge gave, as a file and in a workflow's history.
type MergedCandidate struct {
	Method MergeMethod `json:"method"`
	// Held-out loss; no rows where none was measured.
	Rows   int64   `json:"rows,omitempty"`
	Tokens int64   `json:"tokens,omitempty"`
	NLL    float64 `json:"nll,omitempty"`  // sum of -log p, in nats
	Loss   float64 `json:"loss,omitempty"` // NLL / Tokens
	// The certificate in short: the largest difference of a logit to what the candidate should be, and to the weighted sum of the
	// live adapters.
	LogitDifference float64 `json:"logit_difference"`
	ToLive          float64 `json:"to_live"`
	// Ref is set where it was published.
	Ref ArtifactRef `json:"ref,omitzero"`
}

// MergeOutcome is what the engine made, candidates in order of their held-out loss, the lowest first; those of equal loss, and
// all where none was measured, are in the order of the job.
type MergeOutcome struct {
	Candidates []MergedCandidate    `json:"candidates"`
	RowNLL     map[string][]float64 `json:"row_nll,omitempty"`    // by candidate: -log p of each held-out row, in the order of the file
	RowTokens  []int64              `json:"row_tokens,omitempty"` // predicted tokens of each row
}
