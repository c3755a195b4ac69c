package spec

// EvaluateInput is the input of the evaluation workflow and its activities.
type EvaluateInput struct {
	Run      RunID             `json:"run"`
	Plan     EvaluatePlan      `json:"plan"`
	Base     ArtifactRef       `json:"base"`
	Adapters []EvaluatedTarget `json:"adapters"` // in the order of the plan, and behind them the models that were made of them
	// TrainQueue is the stem of the task queues that serve devices, as in PipelineInput.
	TrainQueue string `json:"train_queue,omitempty"`
	// Choices are the questions of the plan's sets as they were frozen; zero: they still have to be.
	Choices ArtifactRef `json:"choices,omitzero"`
}

// ReportInput asks for the report on all adapters, in the order of the plan.
type ReportInput struct {
	Run    RunID          `json:"run"`
	Plan   EvaluatePlan   `json:"plan"`
	Base   ArtifactRef    `json:"base"`
	Scores []AdapterScore `json:"scores"`
}

// EvaluatedTarget is one adapter with the data it is measured on.
type EvaluatedTarget struct {
	Name     AdapterName `json:"name"`
	Audience Audience    `json:"audience"`
	Adapter  ArtifactRef `json:"adapter"`
	// IsModel says that Adapter is a model in Hugging Face form, which is measured in the place of the base with an adapter.
	IsModel     bool        `json:"is_model,omitempty"`
	Dataset     ArtifactRef `json:"dataset"`
	MaxLength   int         `json:"max_length"`
	AppendEOS   bool        `json:"append_eos"`
	AddPadToken bool        `json:"add_pad_token"`
	// CompletionOnlyLoss is as in LoRAJob: what is measured is what was trained.
	CompletionOnlyLoss bool   `json:"completion_only_loss,omitempty"`
	BF16               bool   `json:"bf16,omitempty"`   // as in TrainingArgs: the base is measured in the type it was trained over
	FP16               bool   `json:"fp16,omitempty"`   // as BF16, where the device has half precision
	Device             string `json:"device,omitempty"` // as in AdapterPlan
}

// EvaluateTargetInput measures one adapter; the base is measured on the same rows.
type EvaluateTargetInput struct {
	Run     RunID           `json:"run"`
	Plan    EvaluatePlan    `json:"plan"`
	Base    ArtifactRef     `json:"base"`
	Target  EvaluatedTarget `json:"target"`
	Choices ArtifactRef     `json:"choices,omitzero"` // the questions of the plan's sets
}

// AdapterScore is an adapter beside its base on the same held-out tokens. Sums are exact in float64; means and
// perplexities derive from them.
type AdapterScore struct {
	Adapter     AdapterName `json:"adapter"`
	Rows        int64       `json:"rows"`
	Tokens      int64       `json:"tokens"`       // predicted tokens
	BaseNLL     float64     `json:"base_nll"`     // sum of -log p, in nats
	AdapterNLL  float64     `json:"adapter_nll"`  // sum of -log p, in nats
	BaseLoss    float64     `json:"base_loss"`    // BaseNLL / Tokens
	AdapterLoss float64     `json:"adapter_loss"` // AdapterNLL / Tokens
	BasePPL     float64     `json:"base_ppl"`     // exp(BaseLoss)
	AdapterPPL  float64     `json:"adapter_ppl"`  // exp(AdapterLoss)
	// Comparisons set the adapter beside its base, metric by metric, with intervals.
	Comparisons []Comparison `json:"comparisons,omitempty"`
	// TakenOut are held-out rows that were left out because they stand in the training rows; Overlapping those that share
	// thirteen words in a row with one, whether left out or not.
	TakenOut    int64 `json:"taken_out,omitempty"`
	Overlapping int64 `json:"overlapping,omitempty"`
	// Choices is what base and adapter get right of each set of multiple-choice questions, in the order of the plan.
	Choices []ChoiceScore `json:"choices,omitempty"`
	// Memory is what the adapter has by heart of its training rows; nil: the plan does not ask.
	Memory *MemoryResult `json:"memory,omitempty"`
	// Judge is an opinion of the answers beside those of the base; nil: the plan asks nobody.
	Judge     *JudgeResult `json:"judge,omitempty"`
	Report    ArtifactRef  `json:"report,omitzero"`     // answers.jsonl, losses.jsonl and choices.jsonl: what was measured, item by item
	Unchanged string       `json:"unchanged,omitempty"` // why an earlier measurement was taken instead; empty: it was made
}

// EvaluateResult is the evaluation of all adapters.
type EvaluateResult struct {
	Scores  []AdapterScore `json:"scores"`           // in the order of EvaluateInput
	Report  ArtifactRef    `json:"report"`           // report.json, report.md and report.html
	Choices ArtifactRef    `json:"choices,omitzero"` // as in EvaluateInput
}

// Report is the file report.json of a report artifact.
type Report struct {
	Base   ArtifactRef    `json:"base"`
	Scores []AdapterScore `json:"scores"` // in the order of the plan
}

// EvaluateJob is one evaluation on this machine, with local paths, as the engine sees it.
type EvaluateJob struct {
	BaseModel string `json:"base_model"`
	Adapter   string `json:"adapter"` // folder in PEFT form
	// Model is a folder in Hugging Face form, with the base's tokenizer, that is measured in the place of the base with the adapter;
	// empty: the adapter is.
	Model        string `json:"model,omitempty"`
	EvalDataPath string `json:"eval_data_path"`
	MaxRows      int    `json:"max_rows"`
	MaxLength    int    `json:"max_length"`
	AppendEOS    bool   `json:"append_eos"`
	AddPadToken  bool   `json:"add_pad_token"`
	// CompletionOnlyLoss is as in LoRAJob.
	CompletionOnlyLoss bool     `json:"completion_only_loss,omitempty"`
	BF16               bool     `json:"bf16"` // hold the base in bfloat16, as training did
	FP16               bool     `json:"fp16,omitempty"`
	Prompts            []string `json:"prompts"` // complete prompts, already in the audience's form
	MaxNewTokens       int      `json:"max_new_tokens"`
	// Choices are multiple-choice questions, whose choices base and adapter score.
	Choices []ChoiceItem `json:"choices,omitempty"`
	// OtherQuestions is how many other prompts each answer is held against for its gain; 0: gains are not measured.
	OtherQuestions int `json:"other_questions,omitempty"`
}

// EvaluateOutcome is what the engine measured. Answers are text of the model and never travel through Temporal:
// the activity stores them as an artifact.
type EvaluateOutcome struct {
	Rows, Tokens        int64
	BaseNLL, AdapterNLL float64
	Items               []RowLoss // row by row; they add up to the sums, but for rounding
	BaseAnswers         []string  // one per prompt
	AdapterAnswers      []string
	BaseChoices         [][]Likelihood // by question and choice
	AdapterChoices      [][]Likelihood
	BaseGains           []float64 // by answer, in nats per token; the base is the yardstick for both
	AdapterGains        []float64
}

// RowLoss is one held-out row, measured with and without the adapter.
type RowLoss struct {
	Line       int64   `json:"line"`   // in EvaluateJob.EvalDataPath, from 1
	Tokens     int64   `json:"tokens"` // predicted tokens
	BaseNLL    float64 `json:"base_nll"`
	AdapterNLL float64 `json:"adapter_nll"`
}
