package spec

import (
	"slices"

	"elara/spec/fault"
)

// StageDistill stands between StageMerge and StageEvaluate in a pipeline that has it.
const StageDistill = "distill"

// StageTeacher is the part of a distillation in which the teacher is asked; its steps are parts of the rows.
const StageTeacher = "teacher"

// Names under which the checkpoints of a run's student, and of its control, lie beside those of its adapters. No adapter of such a
// pipeline may have one of them.
const (
	DistillName AdapterName = "distill"
	ControlName AdapterName = "distill-control"
	TeacherName AdapterName = "distill-teacher" // which has no checkpoints
)

// KindLogProbs is what a teacher says of the rows of a distillation: log-probabilities in parts, and teacher_logprobs.json, which lists them.
const KindLogProbs ArtifactKind = "teacher-logprobs"

// Models that a pipeline makes beside its adapters, where it names one of all.
const (
	ModelMerged  AdapterName = "merged"
	ModelStudent AdapterName = "student"
)

// DistillPlan is the distillation of a pipeline: a smaller model learns to answer as one that the pipeline has made. The zero plan is
// a pipeline without that stage.
type DistillPlan struct {
	Teacher  AdapterName   `json:"teacher"`           // an adapter of the pipeline over its base, or ModelMerged
	Adapters []AdapterName `json:"adapters"`          // whose rows it learns on, and whose held-out rows it is measured on
	Student  BaseSource    `json:"student,omitzero"`  // model to begin with; zero: made of the teacher, by Job.StudentConfig
	Control  bool          `json:"control,omitempty"` // train the same student without the teacher too, to compare with
	MaxRows  int           `json:"max_rows"`          // held-out rows of each adapter
	// TeacherLogProbs computes what the teacher says of all rows once, before the student is trained; false: it runs beside the student.
	TeacherLogProbs bool `json:"teacher_logprobs,omitempty"`
	// Job is the training. Its paths are set by the worker; rows are read as the adapters were taught.
	Job DistillJob `json:"job"`
	// Device and SegmentSteps are as in AdapterPlan.
	Device       string `json:"device,omitempty"`
	SegmentSteps int64  `json:"segment_steps"`
	// Gates are as in MergePlan.
	Gates GateRules `json:"gates,omitzero"`
}

// IsZero reports whether the pipeline has no such stage.
func (p DistillPlan) IsZero() bool { return p.Teacher == "" }

// CheckDistill refuses a distillation that contradicts itself or does not fit what the pipeline makes. It returns the key with what is
// wrong of it.
func (in PipelineInput) CheckDistill() (key string, err error) {
	p := in.Distill
	if p.IsZero() {
		return "", nil
	}
	isMade := p.Job.StudentConfig != (StudentShape{})
	switch {
	case p.Teacher == ModelMerged && in.Merge.IsZero():
		return "teacher", fault.New(fault.Invalid, "is %s, but the pipeline merges nothing: expected the name of an adapter, or a block merge", ModelMerged)
	case p.SegmentSteps < 1:
		return "segment_steps", fault.New(fault.Invalid, "is %d, expected at least 1", p.SegmentSteps)
	case isMade == (p.Student != BaseSource{}):
		return "student_config", fault.New(fault.Invalid, "the student is made of the teacher or begins as another model: expected one of student_config and student")
	case len(p.Adapters) == 0:
		return "adapters", fault.New(fault.Invalid, "names none, expected at least one")
	}
	if err := in.refuseNames(DistillName, ControlName, ModelMerged, ModelStudent); err != nil {
		return "adapters", err
	}
	teachers := []AdapterName{p.Teacher}
	if p.Teacher == ModelMerged {
		teachers = in.Merge.Adapters
	}
	if _, err := in.readAlike(teachers); err != nil {
		return "teacher", err
	}
	for _, plan := range in.Adapters {
		if plan.AddPadToken && slices.Contains(teachers, plan.Name) {
			return "teacher", fault.New(fault.Invalid, "adapter %s adds a token to the base (add_pad_token), expected a teacher with the student's vocabulary", plan.Name)
		}
	}
	if first, err := in.readAlike(p.Adapters); err != nil {
		return "adapters", err
	} else if first.MaxLength != p.Job.MaxLength || first.AppendEOS != p.Job.AppendEOS || first.CompletionOnlyLoss != p.Job.CompletionOnlyLoss {
		return "adapters", fault.New(fault.Invalid, "adapter %s reads its rows in another way than the student, expected its max_length, append_eos and completion_only_loss", first.Name)
	}
	if !isMade {
		if err := p.Student.check(); err != nil {
			return "student", err
		}
	}
	job := p.Job
	if p.TeacherLogProbs {
		job.TeacherLogProbs = "set"
	}
	return job.Check()
}

// DistillJob is one distillation as a file describes it: a student, all of whose weights are trained, learns a teacher's
// distributions. Beta, Lmbda, Temperature and MaxNewTokens are those of TRL's GKDConfig.
type DistillJob struct {
	TeacherModel   string       `json:"teacher_model"`             // folder in Hugging Face form, or a .gguf file
	TeacherAdapter string       `json:"teacher_adapter,omitempty"` // PEFT folder
	StudentModel   string       `json:"student_model"`             // folder in Hugging Face form; made from the teacher where StudentConfig is set
	StudentConfig  StudentShape `json:"student_config"`
	ControlModel   string       `json:"control_model,omitempty"` // the same student trained without the teacher, for the report
	OutputDir      string       `json:"output_dir"`              // gets the model in Hugging Face form

	TrainDataPath      string `json:"train_data_path"`
	EvalDataPath       string `json:"eval_data_path,omitempty"`
	MaxLength          int    `json:"max_length"`
	AppendEOS          bool   `json:"append_eos"`
	CompletionOnlyLoss bool   `json:"completion_only_loss"`

	Beta        float64 `json:"beta"`        // 0: KL(teacher, student); 1: KL(student, teacher); between: their Jensen-Shannon divergence
	Temperature float64 `json:"temperature"` // that both logits are divided by, and the student's samples are drawn at
	KDRatio     float64 `json:"kd_ratio"`    // share of the divergence in the loss; the rest is -log p of the text. Of torchtune
	// Lmbda is the share of steps whose rows have answers of the student's own in place of their answers.
	Lmbda        float64 `json:"lmbda"`
	MaxNewTokens int     `json:"max_new_tokens"` // of such an answer

	// TeacherLogProbs is a folder for the teacher's log-probabilities of the training rows, of its TopK most probable tokens and of
	// all others together; it is filled where it is not full yet. Empty: the teacher runs beside the student.
	TeacherLogProbs string `json:"teacher_logprobs,omitempty"`
	TopK            int    `json:"top_k"`

	Args TrainingArgs `json:"training_args"`
}

// StudentShape is what a student that is made from its teacher has less of, under the names of transformers' configurations; 0: as
// much as the teacher. NumHiddenLayers is GPT-2's n_layer too.
type StudentShape struct {
	NumHiddenLayers   int   `json:"num_hidden_layers,omitempty"`
	HiddenSize        int64 `json:"hidden_size,omitempty"`
	IntermediateSize  int64 `json:"intermediate_size,omitempty"`
	NumAttentionHeads int64 `json:"num_attention_heads,omitempty"`
	NumKeyValueHeads  int64 `json:"num_key_value_heads,omitempty"`
}

// Check refuses options that contradict each other; key is the one it is about.
func (j DistillJob) Check() (key string, err error) {
	switch {
	case j.Beta < 0 || j.Beta > 1:
		return "beta", fault.New(fault.Invalid, "is %v, expected 0 to 1", j.Beta)
	case j.Temperature <= 0:
		return "temperature", fault.New(fault.Invalid, "is %v, expected more than 0", j.Temperature)
	case j.KDRatio < 0 || j.KDRatio > 1:
		return "kd_ratio", fault.New(fault.Invalid, "is %v, expected 0 to 1", j.KDRatio)
	case j.Lmbda < 0 || j.Lmbda > 1:
		return "lmbda", fault.New(fault.Invalid, "is %v, expected 0 to 1", j.Lmbda)
	case j.Lmbda > 0 && j.TeacherLogProbs != "":
		return "lmbda", fault.New(fault.Invalid, "is %v, but nobody knows the teacher's log-probabilities of answers to come: expected 0 with teacher_logprobs", j.Lmbda)
	case j.Lmbda > 0 && !j.CompletionOnlyLoss:
		return "lmbda", fault.New(fault.Invalid, "is %v, but without completion_only_loss rows have no prompt to answer, expected 0", j.Lmbda)
	case j.Lmbda > 0 && j.KDRatio == 0:
		return "lmbda", fault.New(fault.Invalid, "is %v, but with kd_ratio 0 nothing is learnt from the student's own answers, expected 0", j.Lmbda)
	case j.Lmbda > 0 && j.MaxNewTokens < 1:
		return "max_new_tokens", fault.New(fault.Invalid, "is %d, expected at least 1", j.MaxNewTokens)
	case j.TeacherLogProbs != "" && j.TopK < 1:
		return "top_k", fault.New(fault.Invalid, "is %d, expected at least 1", j.TopK)
	case j.TeacherLogProbs != "" && j.KDRatio == 0:
		return "teacher_logprobs", fault.New(fault.Invalid, "is set, but with kd_ratio 0 they are not used, expected none")
	}
	return "", nil
}

// DistillFigures is how a student does on the held-out rows, in nats a token, beside its teacher and beside the same student that
// was trained without one. Gains above 0 are the student's; their intervals are of a bootstrap over rows, paired.
type DistillFigures struct {
	Rows      int64       `json:"rows"`
	Tokens    int64       `json:"tokens"`
	Student   float64     `json:"student"`
	ToTeacher Comparison  `json:"to_teacher"`
	ToControl *Comparison `json:"to_control,omitempty"`
}

// DistillReport is the figures with what they come from.
type DistillReport struct {
	DistillFigures
	// RowNLL is the -log p of each row, of teacher, student and control, and RowTokens how many tokens each predicts.
	RowNLL    map[string][]float64 `json:"row_nll"`
	RowTokens []int64              `json:"row_tokens"`
}

// DistillOutcome is what a distillation that ended, or yielded, says of itself. Report is nil where it is not done, or has no
// held-out rows.
type DistillOutcome struct {
	TrainOutcome
	Report *DistillReport
}

// DistillInput is the input of the workflow of a distillation: what the pipeline has made so far.
type DistillInput struct {
	Run      RunID         `json:"run"`
	Plan     DistillPlan   `json:"plan"`
	Base     ArtifactRef   `json:"base"`             // the teacher's base model, or the teacher
	Teacher  ArtifactRef   `json:"teacher,omitzero"` // its adapter; zero: it has none
	Datasets []ArtifactRef `json:"datasets"`         // of the adapters of the plan, in its order
}

// DistillTarget is one training of a distillation: of the student, or of the control, the same without the teacher.
type DistillTarget struct {
	DistillInput
	Start     ArtifactRef `json:"start,omitzero"` // model to begin with; zero: it is made of the teacher's base
	IsControl bool        `json:"is_control,omitempty"`
	Control   ArtifactRef `json:"control,omitzero"`  // that the student is compared with; zero: none
	LogProbs  ArtifactRef `json:"logprobs,omitzero"` // what the teacher says of the rows; zero: it runs beside the student
}

// Name is that of its checkpoints.
func (t DistillTarget) Name() AdapterName {
	if t.IsControl {
		return ControlName
	}
	return DistillName
}

// TeacherInput asks a worker to compute what the teacher says of the next rows.
type TeacherInput struct {
	DistillTarget
	SoFar ArtifactRef `json:"so_far,omitzero"` // what there is
}

// TeacherResult is what there is of what the teacher says: all of it, when Parts is All.
type TeacherResult struct {
	Ref   ArtifactRef `json:"ref"`
	Parts int         `json:"parts"`
	All   int         `json:"all"`
	// Unchanged says why what was computed earlier was taken instead; empty: it was computed.
	Unchanged string `json:"unchanged,omitempty"`
}

// DistillSegmentInput asks a worker to train from the newest valid checkpoint up to a step.
type DistillSegmentInput struct {
	DistillTarget
	UntilStep int64 `json:"until_step"`
}

// DistillSegmentResult is where the segment ended.
type DistillSegmentResult struct {
	SegmentResult
	Model   ArtifactRef     `json:"model,omitzero"` // set when Outcome.Done
	Figures *DistillFigures `json:"figures,omitempty"`
}

// DistillResult is what a training of a distillation gave.
type DistillResult struct {
	Student ArtifactRef     `json:"student"` // a base model with the report beside it, distillation.json
	Control ArtifactRef     `json:"control,omitzero"`
	Figures *DistillFigures `json:"figures,omitempty"`
	Outcome TrainOutcome    `json:"outcome"`
	// Unchanged says why an earlier student was taken instead of training one; empty: it was trained.
	Unchanged string `json:"unchanged,omitempty"`
}

// DistillStatus is the distillation of a pipeline that is under way.
type DistillStatus struct {
	WorkflowID string          `json:"workflow_id"`
	Teacher    AdapterName     `json:"teacher"`
	Student    ArtifactRef     `json:"student,omitzero"`  // set when it is trained
	Figures    *DistillFigures `json:"figures,omitempty"` // likewise
	Steps      int64           `json:"steps,omitzero"`    // likewise
}

// MeasureObserver is a TrainObserver that also hears of the held-out rows that a report on what was trained has measured.
type MeasureObserver interface {
	TrainObserver
	// Measured is called after each batch of so many rows.
	Measured(rows int)
}
