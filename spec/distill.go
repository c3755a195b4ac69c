package spec

import "elara/spec/fault"

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

// DistillReport is how a student does on the held-out rows, in nats a token, beside its teacher and beside the same student that
// was trained without one. Gains above 0 are the student's; their intervals are of a bootstrap over rows, paired.
type DistillReport struct {
	Rows      int64       `json:"rows"`
	Tokens    int64       `json:"tokens"`
	Student   float64     `json:"student"`
	ToTeacher Comparison  `json:"to_teacher"`
	ToControl *Comparison `json:"to_control,omitempty"`
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
