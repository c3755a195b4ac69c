package spec

import "elara/spec/fault"

// StagePretrain stands between StageBase and StageTrain in a pipeline that has it.
const StagePretrain = "pretrain"

// PretrainName is the name under which the checkpoints of a run's continued pre-training lie beside those of its adapters. No
// adapter of such a pipeline may have it.
const PretrainName AdapterName = "pretrain"

// KindCorpus is the documents of a continued pre-training: train.jsonl, and eval.jsonl where some are held out.
const KindCorpus ArtifactKind = "corpus"

// PretrainPlan is the continued pre-training of a pipeline: all weights of the base model are trained on running text before
// the adapters are. The zero plan is a pipeline without that stage.
type PretrainPlan struct {
	Sources     []CorpusSource `json:"sources"`
	EvalPercent float64        `json:"eval_percent,omitempty"` // share of documents held out, by a hash of the document; 0: none
	// What PretrainJob has.
	MaxLength     int           `json:"max_length"`
	AppendEOS     bool          `json:"append_eos"`
	LongDocuments LongDocuments `json:"long_documents"`
	Args          TrainingArgs  `json:"training_args"` // output_dir is set by the worker
	// Device and SegmentSteps are as in AdapterPlan.
	Device       string `json:"device,omitempty"`
	SegmentSteps int64  `json:"segment_steps"`
}

// IsZero reports whether the pipeline has no such stage.
func (p PretrainPlan) IsZero() bool { return len(p.Sources) == 0 }

// Check refuses a plan whose training could never end.
func (p PretrainPlan) Check() error {
	if p.SegmentSteps < 1 {
		return fault.New(fault.Invalid, "pretrain: segment of %d steps: expected at least 1", p.SegmentSteps)
	}
	return p.LongDocuments.Check()
}

// CorpusSource is a set of text files. Files that end in .jsonl hold {"text": ...} a line; all others are running text.
type CorpusSource struct {
	Path     string   `json:"path"`      // file, folder of *.txt and *.jsonl, or glob that the worker can read
	SampleBy SampleBy `json:"sample_by"` // how running text is cut into documents
}

// SampleBy says what a document of running text is, in the words of the text loader of Hugging Face's datasets.
type SampleBy string

const (
	ByLine      SampleBy = "line"
	ByParagraph SampleBy = "paragraph" // what blank lines divide
	ByDocument  SampleBy = "document"  // a whole file
)

// LongDocuments says what becomes of a document of more tokens than max_length.
type LongDocuments string

const (
	// LongCut keeps the first max_length tokens, as the guide's truncation=True does.
	LongCut LongDocuments = "cut"
	// LongSplit makes as many rows of it as it takes. Each begins with the last token of the one before, so that every token
	// but the first is predicted once.
	LongSplit LongDocuments = "split"
)

// Check refuses unknown values.
func (l LongDocuments) Check() error {
	if l != LongCut && l != LongSplit {
		return fault.New(fault.Invalid, "long_documents %q: expected cut or split", string(l))
	}
	return nil
}

// PretrainJob is one continued pre-training as a file in the guide's form describes it.
type PretrainJob struct {
	BaseModel     string        `json:"base_model"` // folder in Hugging Face form, or a .gguf file
	ModelType     string        `json:"model_type"` // "causal_lm"
	OutputDir     string        `json:"output_dir"` // gets the model in Hugging Face form
	TrainDataPath string        `json:"train_data_path"`
	EvalDataPath  string        `json:"eval_data_path,omitempty"`
	SampleBy      SampleBy      `json:"sample_by"` // of data files that do not end in .jsonl
	MaxLength     int           `json:"max_length"`
	AppendEOS     bool          `json:"append_eos"` // end each document that was not cut with an end-of-text token
	LongDocuments LongDocuments `json:"long_documents"`
	Args          TrainingArgs  `json:"training_args"`
}

// PretrainInput is the input of the workflow of a continued pre-training. Base is the model it begins with.
type PretrainInput struct {
	Run  RunID        `json:"run"`
	Plan PretrainPlan `json:"plan"`
	Base ArtifactRef  `json:"base"`
}

// PretrainTarget is a continued pre-training whose documents have been collected.
type PretrainTarget struct {
	PretrainInput
	Corpus ArtifactRef `json:"corpus"`
}

// CorpusResult is the documents of a continued pre-training.
type CorpusResult struct {
	Corpus    ArtifactRef `json:"corpus"`
	TrainDocs int64       `json:"train_docs"`
	EvalDocs  int64       `json:"eval_docs"`
	Blank     int64       `json:"blank"` // lines or paragraphs without any text, which are no documents
}

// PretrainSegmentInput asks a worker to train from the newest valid checkpoint up to a step.
type PretrainSegmentInput struct {
	PretrainTarget
	UntilStep int64 `json:"until_step"`
}

// PretrainSegmentResult is where the segment ended.
type PretrainSegmentResult struct {
	SegmentResult
	Model ArtifactRef `json:"model,omitzero"` // set when Outcome.Done
}

// PretrainResult is what a continued pre-training gave: a base model.
type PretrainResult struct {
	Model   ArtifactRef  `json:"model"`
	Base    ArtifactRef  `json:"base"` // the model it began with
	Corpus  CorpusResult `json:"corpus"`
	Outcome TrainOutcome `json:"outcome"`
	// Unchanged says why an earlier model was taken instead of training one; empty: it was trained.
	Unchanged string `json:"unchanged,omitempty"`
}

// PretrainStatus is the continued pre-training of a pipeline that is under way.
type PretrainStatus struct {
	WorkflowID string      `json:"workflow_id"`
	Base       ArtifactRef `json:"base"`           // the model it began with
	Documents  int64       `json:"documents"`      // set when it is trained
	Ref        ArtifactRef `json:"ref,omitzero"`   // set when it is trained
	Steps      int64       `json:"steps,omitzero"` // set when it is trained
}
