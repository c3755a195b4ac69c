package spec

import "elara/spec/fault"

// StageRLHF stands between StageTrain and StageMerge in a pipeline that has it. The others are its parts; StagePPO is one too.
const (
	StageRLHF   = "rlhf"
	StageSample = "sample"
	StageReward = "reward"
	StageDPO    = "dpo"
)

// Kinds of artifacts of the stage.
const (
	KindPrompts     ArtifactKind = "prompts"      // questions.jsonl, and the same in the template: prompts.jsonl
	KindComparisons ArtifactKind = "comparisons"  // train.jsonl and eval.jsonl in TRL's preference form
	KindRewardModel ArtifactKind = "reward-model" // PEFT files with a score head, reward.json
)

// RLHFMethod is how an adapter learns from judgements.
type RLHFMethod string

const (
	MethodDPO RLHFMethod = "dpo" // from the judgements themselves
	MethodPPO RLHFMethod = "ppo" // from a reward model of the judgements
)

// RLHFPlan makes adapters answer as people prefer, after they were trained on rows. The zero plan is a pipeline without that
// stage.
type RLHFPlan struct {
	Method   RLHFMethod    `json:"method"`
	Adapters []AdapterName `json:"adapters"`
	// Preferences is a file in TRL's form that a worker can read, or StorePrefix and the digest of what a collection came to.
	// Empty: people are asked.
	Preferences string      `json:"preferences,omitempty"`
	EvalPercent float64     `json:"eval_percent,omitempty"` // share of the prompts whose preferences are held out; 0: none
	Prompts     string      `json:"prompts,omitempty"`      // file of questions; empty: those that the adapter was trained on
	MaxPrompts  int         `json:"max_prompts,omitempty"`  // 0: all
	Collect     CollectPlan `json:"collect,omitzero"`       // read where Preferences is empty
	// The trainings. Their paths, audience and base are set by the worker; of DPO and PPO the adapter is the policy.
	Reward       RewardJob `json:"reward_model"`
	DPO          DPOJob    `json:"dpo"`
	PPO          PPOJob    `json:"ppo"`
	Device       string    `json:"device,omitempty"` // as in AdapterPlan
	SegmentSteps int64     `json:"segment_steps"`    // as in AdapterPlan; of PPO they are iterations
}

// StorePrefix begins the name of what lies in the store and not in a file.
const StorePrefix = "store:"

// CollectPlan says which answers people are shown, and for how long they are asked.
type CollectPlan struct {
	PerPair       int      `json:"per_pair"`
	Total         int64    `json:"total,omitempty"`
	DeadlineHours float64  `json:"deadline_hours,omitempty"` // since the pairs were made; 0: none
	EscalateHours float64  `json:"escalate_hours,omitempty"`
	Reviewers     []string `json:"reviewers,omitempty"`
	// How the two answers to a prompt are drawn.
	MaxNewTokens int     `json:"max_new_tokens"`
	Temperature  float64 `json:"temperature"`
	Seed         int64   `json:"seed"`
}

// IsZero reports whether the pipeline has no such stage.
func (p RLHFPlan) IsZero() bool { return p.Method == "" }

// NeedsPrompts reports whether the policy answers prompts: for people to judge, or for the reward model.
func (p RLHFPlan) NeedsPrompts() bool { return p.Preferences == "" || p.Method == MethodPPO }

// Check refuses a plan that could not come to its end.
func (p RLHFPlan) Check() error {
	switch {
	case p.Method != MethodDPO && p.Method != MethodPPO:
		return fault.New(fault.Invalid, "rlhf: method %q, expected %s or %s", string(p.Method), MethodDPO, MethodPPO)
	case p.SegmentSteps < 1:
		return fault.New(fault.Invalid, "rlhf: segment of %d steps: expected at least 1", p.SegmentSteps)
	case len(p.Adapters) == 0:
		return fault.New(fault.Invalid, "rlhf: no adapters, expected at least one")
	case p.Preferences == "" && (p.Collect.PerPair < 1 || p.Collect.Temperature <= 0 || p.Collect.MaxNewTokens < 1):
		return fault.New(fault.Invalid, "rlhf: collect: per_pair %d, temperature %v, max_new_tokens %d: expected at least 1, above 0, at least 1",
			p.Collect.PerPair, p.Collect.Temperature, p.Collect.MaxNewTokens)
	case p.NeedsPrompts() && p.MaxPrompts > MaxPairs:
		return fault.New(fault.Invalid, "rlhf: max_prompts %d, expected at most %d", p.MaxPrompts, MaxPairs)
	case p.Method == MethodPPO:
		return p.PPO.Check()
	}
	return nil
}

// CheckRLHF refuses a plan that does not fit the adapters.
func (in PipelineInput) CheckRLHF() error {
	if in.RLHF.IsZero() {
		return nil
	}
	if err := in.RLHF.Check(); err != nil {
		return err
	}
	taken, plans := map[AdapterName]bool{}, map[AdapterName]AdapterPlan{}
	for _, plan := range in.Adapters {
		taken[plan.Name], plans[plan.Name] = true, plan
	}
	for _, name := range in.RLHF.Adapters {
		plan, found := plans[name]
		if !found {
			return fault.New(fault.Invalid, "rlhf: adapters: %q is not among those of the pipeline, or is there twice", string(name))
		}
		delete(plans, name)
		if in.RLHF.Method == MethodPPO && plan.AddPadToken && plan.LoRA.trainsEmbeddings() {
			return fault.New(fault.Invalid, "rlhf: adapter %s trains embeddings (modules_to_save) with a token more than the base (add_pad_token), expected one of both, or method dpo", name)
		}
		for _, part := range []string{StageReward, StageDPO, StagePPO} {
			kept := CheckpointName(name, part)
			if err := kept.Check(); err != nil {
				return fault.New(fault.Invalid, "rlhf: checkpoints of the adapter's %s: %w", part, err)
			}
			if taken[kept] {
				return fault.New(fault.Invalid, "adapter %s: the name is that of the %s of adapter %s, expected another", kept, part, name)
			}
		}
	}
	return nil
}

// CheckpointName is the name under which the checkpoints of a part of the stage lie, beside those of the adapters.
func CheckpointName(adapter AdapterName, part string) AdapterName {
	return adapter + "-" + AdapterName(part)
}

// RLHFInput is the input of the workflow that aligns one adapter.
type RLHFInput struct {
	Run     RunID       `json:"run"`
	Plan    RLHFPlan    `json:"plan"`
	Adapter AdapterPlan `json:"adapter"`
	Base    ArtifactRef `json:"base"`
	Dataset ArtifactRef `json:"dataset"` // that the adapter was trained on
	SFT     ArtifactRef `json:"sft"`     // the adapter
	// TrainQueue is as in PipelineInput.
	TrainQueue string `json:"train_queue,omitempty"`
}

// PromptSet is the prompts of an adapter.
type PromptSet struct {
	Ref   ArtifactRef `json:"ref"`
	Count int         `json:"count"`
}

// SampleInput asks for two answers of the adapter to each prompt.
type SampleInput struct {
	RLHFInput
	Prompts ArtifactRef `json:"prompts"`
}

// SampleJob draws answers on this machine, one to each prompt of the list.
type SampleJob struct {
	BaseModel, Adapter string // paths, as in EvaluateJob
	Prompts            []string
	MaxNewTokens       int
	Temperature        float64
	Seed               int64
}

// SampledPairs is the pairs that people are asked about.
type SampledPairs struct {
	Ref       ArtifactRef `json:"ref"` // kind pairs
	Pairs     int         `json:"pairs"`
	Alike     int         `json:"alike,omitempty"` // prompts left out: both answers are the same, or one is empty
	Unchanged string      `json:"unchanged,omitempty"`
}

// ComparisonsInput asks for the preferences that are trained on.
type ComparisonsInput struct {
	RLHFInput
	Pairs       ArtifactRef `json:"pairs,omitzero"`       // that people were asked about; zero: the plan names the preferences
	Preferences ArtifactRef `json:"preferences,omitzero"` // what they said; zero: look for what was said before about the same pairs
}

// Comparisons is preferences on two sides.
type Comparisons struct {
	Ref         ArtifactRef `json:"ref"`                  // kind comparisons; zero: nobody has been asked about these pairs
	Preferences ArtifactRef `json:"preferences,omitzero"` // zero: they came in a file
	Train       int         `json:"train"`
	Held        int         `json:"held"`
}

// FeedbackInput is the input of a training from judgements: of a reward model, or of the policy.
type FeedbackInput struct {
	RLHFInput
	Part        string      `json:"part"` // StageReward, StageDPO or StagePPO
	Comparisons ArtifactRef `json:"comparisons"`
	Prompts     ArtifactRef `json:"prompts,omitzero"` // of PPO
	Reward      ArtifactRef `json:"reward,omitzero"`  // of PPO
}

// FeedbackSegmentInput asks a worker to train from the newest valid checkpoint up to a step.
type FeedbackSegmentInput struct {
	FeedbackInput
	UntilStep int64 `json:"until_step"`
}

// FeedbackSegmentResult is where the segment ended.
type FeedbackSegmentResult struct {
	SegmentResult
	FeedbackFigures
	Reward *float64    `json:"reward,omitempty"` // mean score of the last iteration's answers; of PPO
	KL     *float64    `json:"kl,omitempty"`     // from the adapter that PPO began with, in nats of an answer
	Ref    ArtifactRef `json:"ref,omitzero"`     // set when Outcome.Done
}

// FeedbackFigures is what a training says at its end beside its outcome.
type FeedbackFigures struct {
	Accuracy *Estimate `json:"accuracy,omitempty"` // of a reward model on held-out preferences
	Alarms   []string  `json:"alarms,omitempty"`   // of PPO's guard, where it ended the run: the policy is the last healthy one
	// Report is for people, of kind report: report.html with a reward model's calibration, or with the curves of PPO and sample answers
	// before and after. It may hold the text of patients. Zero: DPO has none.
	Report ArtifactRef `json:"report,omitzero"`
}

// FeedbackResult is what a training from judgements gave.
type FeedbackResult struct {
	Ref     ArtifactRef  `json:"ref"`
	Outcome TrainOutcome `json:"outcome"`
	FeedbackFigures
	Unchanged string `json:"unchanged,omitempty"` // as in AdapterResult
}

// RLHFResult is one adapter before and after.
type RLHFResult struct {
	Adapter     AdapterName     `json:"adapter"`
	Method      RLHFMethod      `json:"method"`
	SFT         ArtifactRef     `json:"sft"`
	Prompts     ArtifactRef     `json:"prompts,omitzero"`
	Pairs       ArtifactRef     `json:"pairs,omitzero"`
	Comparisons Comparisons     `json:"comparisons"`
	Reward      *FeedbackResult `json:"reward,omitempty"` // of PPO
	Policy      FeedbackResult  `json:"policy"`
}

// RLHFStatus is the stage of one adapter of a pipeline that is under way.
type RLHFStatus struct {
	Adapter    AdapterName `json:"adapter"`
	Method     RLHFMethod  `json:"method"`
	WorkflowID string      `json:"workflow_id"`
	Collection RunID       `json:"collection,omitempty"` // in which people are asked; empty: nobody is
	Policy     ArtifactRef `json:"policy,omitzero"`      // set when it is trained
	Alarms     []string    `json:"alarms,omitempty"`
	// Reports of the trainings that are done; zero where there is none.
	Report       ArtifactRef `json:"report,omitzero"`
	RewardReport ArtifactRef `json:"reward_report,omitzero"`
}
