package configs

import (
	"slices"
	"strings"

	"elara/spec"
)

// distillJobKeys is the table of a file that distils a teacher into a student. The keys of TRL's GKDConfig stand among the training
// arguments, of which it is a child.
func distillJobKeys(job *spec.DistillJob) *section {
	return &section{keys: []key{
		path("teacher_model", &job.TeacherModel, "", "Teacher: a folder in Hugging Face form, or a .gguf file.").require().also("teacher_model_name_or_path"),
		path("teacher_adapter", &job.TeacherAdapter, "", "Adapter of the teacher, a PEFT folder.").orNull(),
		path("student_model", &job.StudentModel, "", "Student to begin with: a model with the teacher's tokenizer; or, with student_config, the folder that gets one.").showDefault("output_dir + _student, with student_config"),
		block("student_config", studentKeys(&job.StudentConfig), "Make the student of the teacher's base model: evenly spaced layers, the first and the last among them, and of each weight the first rows and columns. Without it student_model is taken as it is."),
		path("control_model", &job.ControlModel, "", "The same student trained on the same rows with kd_ratio 0: the report compares with it.").orNull(),
		path("output_dir", &job.OutputDir, "", "Folder for the trained student, in Hugging Face form.").require(),
		path("train_data_path", &job.TrainDataPath, "", `Rows to learn on, JSONL of {"text": ...}.`).require(),
		path("eval_data_path", &job.EvalDataPath, "", "Held-out rows, in the same form: for eval_strategy, and for the report."),
		maxLengthKey(&job.MaxLength),
		appendEOSKey(&job.AppendEOS, false),
		completionOnlyKey(&job.CompletionOnlyLoss),
		path("teacher_logprobs", &job.TeacherLogProbs, "", "Folder for the teacher's log-probabilities of the rows, computed once and found again by other jobs. Without it the teacher runs beside the student.").orNull(),
		integer("top_k", &job.TopK, 64, 1, 1024, "For teacher_logprobs: how many of the teacher's most probable tokens are kept; all others together are one more class."),
		block("training_args", distillArgsKeys(job), "The training, with the keys of a training file and these of TRL's. Everything is trained in float32."),
	}}
}

// studentKeys is the table of student_config, under transformers' names.
func studentKeys(s *spec.StudentShape) *section {
	const most = 1 << 24
	return &section{keys: []key{
		integer("num_hidden_layers", &s.NumHiddenLayers, 0, 0, most, "Layers; 0: all of the teacher's."),
		integer("hidden_size", &s.HiddenSize, 0, 0, most, "Width of the stream; 0: the teacher's."),
		integer("intermediate_size", &s.IntermediateSize, 0, 0, most, "Width inside the MLP; 0: the teacher's."),
		integer("num_attention_heads", &s.NumAttentionHeads, 0, 0, most, "Heads, in the teacher's ratio to num_key_value_heads; 0: all."),
		integer("num_key_value_heads", &s.NumKeyValueHeads, 0, 0, most, "Heads of keys and values; 0: all."),
	}}
}

// distillArgsKeys is TrainingArguments with the keys, and their defaults, of TRL 1.16's GKDConfig.
func distillArgsKeys(job *spec.DistillJob) *section {
	s := trainingArgsKeys(&job.Args)
	documentedIn("training_args", s.keys)
	share := interval{low: 0, high: 1}
	s.keys = append(s.keys,
		checkpointsKey(&job.Args),
		number("beta", &job.Beta, 0.5, share, "Which divergence: 0 is KL(teacher, student), 1 KL(student, teacher), between them the generalised Jensen-Shannon divergence."),
		number("temperature", &job.Temperature, 0.9, interval{low: 0, high: 100, openLow: true}, "What the logits of both are divided by, and what the student's own answers are drawn at."),
		number("lmbda", &job.Lmbda, 0.5, share, "Share of steps that learn on the student's own answers to the rows' prompts; needs completion_only_loss."),
		integer("max_new_tokens", &job.MaxNewTokens, 128, 1, maxRowTokens, "Tokens of such an answer."),
		number("kd_ratio", &job.KDRatio, 1, share, "Share of the divergence in the loss; the rest is -log p of the text. Torchtune's name; TRL has 1."))
	s.foreign = slices.Concat(s.foreign,
		refuse("answers of the teacher are rows like others: generate them first", named("seq_kd")),
		refuse("dropout is what the student's configuration says", named("disable_dropout")),
		refuse("teacher_model says which model", named("teacher_model_init_kwargs")))
	return s
}

// LoadDistillJob reads a file that distils a teacher. Relative paths are relative to the file. Models and data must exist.
func LoadDistillJob(path string) (spec.DistillJob, []Warning, error) {
	tree, err := parseFile(path)
	if err != nil {
		return spec.DistillJob{}, nil, err
	}
	job, tree, err := readDistillJob(tree)
	if err != nil {
		return spec.DistillJob{}, nil, err
	}
	inputs := []input{
		{"teacher_model", job.TeacherModel, modelInput}, {"teacher_adapter", job.TeacherAdapter, adapterInput}, {"control_model", job.ControlModel, modelInput},
		{"train_data_path", job.TrainDataPath, rowsInput}, {"eval_data_path", job.EvalDataPath, rowsInput},
	}
	if job.StudentConfig == (spec.StudentShape{}) {
		inputs = append(inputs, input{"student_model", job.StudentModel, modelInput})
	}
	if err := findInputs(tree, inputs...); err != nil {
		return spec.DistillJob{}, nil, err
	}
	return job, tree.warnings(), nil
}

// readDistillJob also gives the tree under the tables' own spelling, with its notes.
func readDistillJob(tree *node) (spec.DistillJob, *node, error) {
	var job spec.DistillJob
	tree, err := distillJobKeys(&job).read(tree)
	if err == nil {
		err = settleFullTraining(&job.Args, tree, "")
	}
	if err == nil {
		err = settleFolders(&job.Args, job.OutputDir, job.EvalDataPath, tree)
	}
	if err != nil {
		return spec.DistillJob{}, nil, err
	}
	switch {
	case job.ControlModel != "" && job.EvalDataPath == "":
		return spec.DistillJob{}, nil, tree.get("control_model").origin.errorf("control_model: is set but eval_data_path is missing, expected both or neither")
	case job.StudentModel == "" && job.StudentConfig == (spec.StudentShape{}):
		return spec.DistillJob{}, nil, tree.origin.errorf("student_model: missing, expected it or student_config")
	case job.StudentModel == "":
		job.StudentModel = strings.TrimRight(job.OutputDir, "/") + "_student"
	}
	if key, err := job.Check(); err != nil {
		at := distillPlace(key)
		return spec.DistillJob{}, nil, tree.place(at...).errorf("%s: %w", strings.Join(at, "."), err)
	}
	return job, tree, nil
}
