package configs

import (
	"slices"
	"strings"

	"elara/spec"
)

// distillKeys is the table of the block distill of a pipeline file: that of a distillation file, less what the pipeline knows itself.
// Whether the block is there decides whether the pipeline has the stage, so that nothing in it is required by the table.
func (r *pipelineReader) distillKeys() *section {
	p := &r.pipeline.Input.Distill
	student := baseKeys(&p.Student)
	documentedIn("base", student.keys)
	file := within(distillJobKeys(&p.Job), []string{
		"teacher_model", "teacher_adapter", "student_model", "control_model", "output_dir", "train_data_path", "eval_data_path",
		"max_length", "append_eos", "completion_only_loss", "teacher_logprobs",
	})
	file.row("student_config").help = "Make the student of the teacher's base model: evenly spaced layers, the first and the last among them, and of each weight the first rows and columns. Instead of student."
	return &section{keys: append([]key{
		text("teacher", &p.Teacher, spec.ModelMerged, identifier(), "What is learnt from: an adapter of this file over its base, or merged, what the block merge makes."),
		texts("adapters", &p.Adapters, "a list of adapters of this file", identifier(), "Adapters whose rows the student learns on, read as they were taught, and whose held-out rows it is measured on.").showDefault("the teacher, or those that are merged"),
		block("student", student, "Model that the student begins as, with the teacher's tokenizer, in the keys of base; instead of student_config."),
		boolean("control", &p.Control, false, "Train the same student without the teacher too, and compare: twice the time."),
		boolean("teacher_logprobs", &p.TeacherLogProbs, false, "Compute the teacher's log-probabilities of the rows once, top_k of each token, and keep them; otherwise the teacher runs beside the student."),
		integer("max_rows", &p.MaxRows, 500, 1, maxSteps, "Held-out rows of each adapter that student, teacher and control are measured on."),
		choice("device", &p.Device, spec.DefaultDevice, []string{"cpu", "cuda"}, "Class of device: it picks the task queue."),
		integer("segment_steps", &p.SegmentSteps, 200, 1, maxSteps, "Optimiser steps one activity does before it hands back to the workflow."),
		evaluateKey(&r.evaluatesStudent),
		block("gates", gateRulesKeys(&p.Gates, spec.StudentGateRules()), "What it is held to for each audience, beside the base, in the keys of an adapter's gates. A smaller model's loss lies above the base's: margins.loss says how far it may."),
	}, file.keys...)}
}

// settleDistill fills in the adapters and how their rows are read, refuses what contradicts itself, and leaves the zero plan where the
// file has no such block.
func (r *pipelineReader) settleDistill(tree *node) error {
	in := &r.pipeline.Input
	p := &in.Distill
	block := tree.get("distill")
	if block == nil {
		*p = spec.DistillPlan{}
		return nil
	}
	if err := refuseUnread(block, "distill", []unread{{!p.TeacherLogProbs, "teacher_logprobs is false", []string{"top_k"}}}); err != nil {
		return err
	}
	if err := settleFullTraining(&p.Job.Args, block, "distill"); err != nil {
		return err
	}
	if len(p.Adapters) == 0 && p.Teacher == spec.ModelMerged {
		p.Adapters = slices.Clone(in.Merge.Adapters)
	} else if len(p.Adapters) == 0 {
		p.Adapters = []spec.AdapterName{p.Teacher}
	}
	for _, a := range in.Adapters {
		if slices.Contains(p.Adapters, a.Name) {
			p.Job.MaxLength, p.Job.AppendEOS, p.Job.CompletionOnlyLoss = a.MaxLength, a.AppendEOS, a.CompletionOnlyLoss
			break
		}
	}
	if key, err := in.CheckDistill(); err != nil {
		at := distillPlace(key)
		return block.place(at...).errorf("distill.%s: %w", strings.Join(at, "."), err)
	}
	return nil
}

// distillPlace is where a key of a distillation stands, in its file or in the block.
func distillPlace(key string) []string {
	switch key {
	case "beta", "temperature", "kd_ratio", "lmbda", "max_new_tokens":
		return []string{"training_args", key}
	}
	return []string{key}
}
