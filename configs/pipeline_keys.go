package configs

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"elara/spec"
)

// pipelineReader fills a Pipeline. The defaults of adapters are known before the adapters are read.
type pipelineReader struct {
	pipeline Pipeline
	defaults *node
	presets  map[string]*node

	evaluatesMerged, evaluatesStudent bool
}

// keys is the table of a pipeline file.
func (r *pipelineReader) keys() *section {
	in := &r.pipeline.Input
	var scratch adapterFile
	var element spec.AdapterPlan
	share := interval{low: 0, high: 50, openLow: true}
	return &section{keys: []key{
		text("name", &in.Name, "", identifier(), "Name of the pipeline, part of its runs' identifiers.").require(),
		block("base", baseKeys(&in.Base), "The model that is adapted."),
		block("prepare", &section{keys: []key{
			blocks("sources", sourceKeys(&spec.DataSource{}), r.readSource, "CSV files of questions and answers.").require(),
			block("clean", cleanKeys(&in.Prepare.Clean), "Lengths a row must have, in characters; all bounds are exclusive."),
			number("eval_percent", &in.Prepare.EvalPercent, 10, share, "Rows held out, in percent. A row always falls on the same side."),
			integer("seed", &in.Prepare.Seed, 42, 0, maxSeed, "Seed of the split."),
		}}, "The data."),
		block("pretrain", r.pretrainKeys(), "Continued pre-training of all weights on running text, before the adapters. Without this block there is none."),
		block("defaults", defaultsKeys(&scratch), "What all adapters share; an adapter's own keys win."),
		choice("joint", &in.Joint, spec.JointOn, []string{spec.JointOn, spec.JointOff}, "Train the adapters at once, step by step in turn over one base model on each device, or one after the other. Neither changes a byte of what comes out."),
		blocks("adapters", adapterKeys(&adapterFile{plan: &element}), r.readAdapter, "The adapters, in the order of training and of every report.").require(),
		block("rlhf", r.rlhfKeys(), "Adapters that answer as people prefer: reinforcement learning from human feedback, after the training. Without this block there is none."),
		block("merge", r.mergeKeys(), "Several adapters into one, or into the base model, after the training. Without this block there is none."),
		block("distill", r.distillKeys(), "A smaller model that learns to answer as an adapter or the merged model, after them. Without this block there is none."),
		block("evaluate", &section{keys: []key{
			integer("max_rows", &in.Evaluate.MaxRows, 200, 0, maxSteps, "Held-out rows measured per adapter; 0: all."),
			texts("questions", &in.Evaluate.Questions, "a list of questions", form{}, "Questions that the base and each adapter answer for the report."),
			integer("answered_rows", &in.Evaluate.AnsweredRows, 0, 0, 10_000, "Held-out rows that the base and each adapter answer too, for accuracy against their own answers; the gates need gates.min_items of them."),
			integer("max_new_tokens", &in.Evaluate.MaxNewTokens, 128, 1, 8192, "Longest answer, in tokens."),
			choice("contamination", &in.Evaluate.Contamination, spec.TakeOutSame, []spec.Contamination{spec.TakeOutSame, spec.TakeOutOverlap, spec.RefuseAny}, "Held-out rows that stand in the training rows: take out those with the same words, take out those too that share thirteen words in a row, or refuse to go on."),
			integer("other_questions", &in.Evaluate.OtherQuestions, 0, 0, 1000, "Other questions that each answer is held against: how much likelier it is behind its own, by the base, is the gates' metric relevance_gain. 0: not measured."),
			blocks("choices", choiceSetKeys(&spec.ChoiceSet{}), r.readChoiceSet, "Sets of multiple-choice questions that the base and each adapter answer by log-likelihood, as lm-evaluation-harness does; together they are the gates' metric choice.").showDefault("none"),
			block("memory", memoryPlanKeys(&in.Evaluate.Memory), "How much of its training rows an adapter has by heart, as a gate; docs/evaluation.md has the meaning. Without this block nobody asks."),
			block("judge", judgeKeys(&in.Evaluate.Judge), "A language model whose opinion of the answers is reported with its agreement with the metrics; it decides nothing. Without this block nobody is asked."),
		}}, "The evaluation."),
		block("gates", gatePlanKeys(&in.Gates), "What a candidate must show before a reviewer is asked."),
		block("approval", &section{keys: []key{
			number("timeout_hours", &in.Approval.TimeoutHours, 0, interval{low: 0, high: 8760}, "Hours to wait for a reviewer; 0: without end."),
			number("valid_hours", &in.Approval.ValidHours, 0, interval{low: 0, high: 8760}, "Hours that an approval counts, until its candidate is released and the last signature given; 0: for ever."),
			texts("approvers", &in.Approval.Approvers, "a list of names", form{}, "Who may approve and reject.").showDefault("anybody"),
			integer("signatures", &in.Approval.Signatures, 1, 1, 9, "Different persons who must approve the same candidate."),
		}}, "The reviewers' decision."),
		block("release", &section{keys: []key{
			text("channel", &in.Release.Channel, "stable", identifier(), "Pointer that an approval moves."),
			text("smoke_question", &in.Release.SmokeQuestion, "When is chest pain an emergency?", form{}, "What each released adapter must answer, loaded from the store, or the release is taken back; empty: nothing is asked."),
		}}, "The release."),
		block("export", r.exportKeys(), "Released models in forms that other programs run, after the release. Without this block there is none."),
		choice("lane", &in.Lane, spec.LaneNormal, []string{spec.LaneNormal, spec.LaneEmergency}, "emergency: before all other runs in every task queue. It skips nothing else."),
		block("schedule", scheduleKeys(&r.pipeline.Schedule), "When the pipeline starts by itself."),
	}}
}

// identifier is the form of names that become part of object keys, workflow identifiers and file names.
func identifier() form {
	return accepted(func(name string) error { return spec.RunID(name).Check() },
		"1-64 of a-z, 0-9 and '-', starting and ending with a letter or digit")
}

// sourceKeys is the table of one entry of prepare.sources.
func sourceKeys(s *spec.DataSource) *section {
	return &section{keys: []key{
		sourcePath("path", &s.Path, `CSV file, folder of *.csv or glob that the worker can read, or "store:PREFIX" for objects in the bucket.`).require(),
		text("question_column", &s.QuestionColumn, "question", form{}, "Column of the question."),
		text("answer_column", &s.AnswerColumn, "answer", form{}, "Column of the answer."),
		text("audience_column", &s.AudienceColumn, "", form{}, "Column that names the one audience a row is for; without it, or where it is empty, a row is for all."),
		texts("audiences", &s.Audiences, "a list of audiences", audience(), "Audiences that the whole source is for.").showDefault("all"),
	}}
}

// sourcePath is a path, or a prefix in the bucket.
func sourcePath(name string, target *string, help string) key {
	k := path(name, target, "", help)
	read := k.set
	k.set = func(n *node) error {
		prefix, inStore := strings.CutPrefix(n.text, "store:")
		if !inStore {
			return read(n)
		}
		if strings.Trim(prefix, "/") == "" {
			return errors.New(`expected a prefix after "store:"`)
		}
		value, err := n.line(k)
		*target = value
		return err
	}
	return k
}

func audience() form {
	return accepted(func(name string) error { return spec.Audience(name).Check() }, "general, patient, doctor or emergency")
}

// cleanKeys is the table of prepare.clean, with the guide's bounds.
func cleanKeys(c *spec.CleanConfig) *section {
	const longest = 10_000_000
	return &section{keys: []key{
		integer("question_longer_than", &c.QuestionLongerThan, 10, 0, longest, "A question has more characters."),
		integer("question_shorter_than", &c.QuestionShorterThan, 512, 2, longest, "A question has fewer characters."),
		integer("answer_longer_than", &c.AnswerLongerThan, 20, 0, longest, "An answer has more characters."),
		integer("answer_shorter_than", &c.AnswerShorterThan, 1024, 2, longest, "An answer has fewer characters."),
	}}
}

// adapterFile is one adapter as it stands in the file: the plan, and the preset it starts from.
type adapterFile struct {
	plan   *spec.AdapterPlan
	preset string
}

// adapterKeys is the table of one entry of adapters.
func adapterKeys(a *adapterFile) *section {
	p := a.plan
	shared := sharedKeys(p)
	documentedIn("defaults", shared)
	return &section{keys: append([]key{
		text("name", &p.Name, "", identifier(), "Name of the adapter.").require(),
		choice("preset", &a.preset, "", presetNames(), "Starting point of the keys below. The block defaults and the adapter's own keys win over it."),
		choice("audience", &p.Audience, "", spec.Audiences(), "Whom the adapter speaks to: it selects the guide's system instruction.").require().showDefault("the preset's"),
		texts("match", &p.Match, "a list of regular expressions", expression(), "A row is taken when one of them matches its question or answer.").showDefault("the preset's; none: all rows"),
	}, shared...)}
}

// defaultsKeys is the table of the block defaults. Nothing in it is required: an adapter may say it itself.
func defaultsKeys(a *adapterFile) *section {
	a.plan = &spec.AdapterPlan{}
	shared := &section{keys: sharedKeys(a.plan)}
	for _, k := range shared.keys {
		if k.object == nil {
			continue
		}
		for i := range k.object.keys {
			k.object.keys[i].required = false
		}
	}
	return shared
}

// sharedKeys are those that stand in an adapter and in the block defaults.
func sharedKeys(p *spec.AdapterPlan) []key {
	return []key{
		integer("max_rows", &p.MaxRows, 0, 0, maxSteps, "Rows the adapter is trained on at most; 0: all."),
		block("lora_config", loraConfigKeys(&p.LoRA), "The adapter's matrices."),
		block("training_args", trainingArgsKeys(&p.Args), "The training."),
		maxLengthKey(&p.MaxLength),
		appendEOSKey(&p.AppendEOS, true),
		addPadTokenKey(&p.AddPadToken, false),
		completionOnlyKey(&p.CompletionOnlyLoss),
		choice("device", &p.Device, spec.DefaultDevice, []string{"cpu", "cuda"}, "Class of device it is trained and evaluated on: it picks the task queue."),
		integer("segment_steps", &p.SegmentSteps, 200, 1, maxSteps, "Optimiser steps one activity does before it hands back to the workflow."),
		block("gates", gateRulesKeys(&p.Gates, spec.DefaultGateRules()), "What the adapter is held to; docs/evaluation.md has the meaning."),
	}
}

func expression() form {
	return accepted(func(text string) error { _, err := regexp.Compile(text); return err }, "a regular expression (RE2)")
}

// scheduleKeys is the table of the block schedule.
func scheduleKeys(s *ScheduleConfig) *section {
	return &section{keys: []key{
		text("cron", &s.Cron, "", cron(), "When to start, in UTC."),
		duration("every", &s.Every, time.Minute, 8760*time.Hour, "Time between two starts; instead of cron."),
		number("catchup_hours", &s.CatchupHours, 168, interval{low: 0, high: 168, openLow: true}, "Starts missed within these hours are made up for by one run; those missed longer ago are not."),
		duration("jitter", &s.Jitter, 0, 24*time.Hour, "A start is delayed by a random time up to this."),
		boolean("pause_on_failure", &s.PauseOnFailure, true, "Pause the schedule when a run fails."),
		boolean("paused", &s.Paused, false, "Create the schedule paused."),
	}}
}

// readSource reads one entry of prepare.sources.
func (r *pipelineReader) readSource(index int, n *node) error {
	var source spec.DataSource
	path := listPath("prepare.sources", index)
	if err := sourceKeys(&source).decode(n, path); err != nil {
		return err
	}
	if source.QuestionColumn == source.AnswerColumn {
		return n.origin.errorf("%s: question_column and answer_column are both %q, expected two columns", path, source.QuestionColumn)
	}
	r.pipeline.Input.Prepare.Sources = append(r.pipeline.Input.Prepare.Sources, source)
	return nil
}

// readAdapter reads one entry of adapters: its preset, under the block defaults, under its own keys.
func (r *pipelineReader) readAdapter(index int, n *node) error {
	var plan spec.AdapterPlan
	path := listPath("adapters", index)
	file := &adapterFile{plan: &plan}
	table := adapterKeys(file)
	var preset *node
	if chosen := n.get("preset"); chosen != nil {
		preset = r.presets[chosen.text] // an unknown one is refused below, where the key is read
	}
	own := merge(merge(preset, r.defaults), n)
	own.origin = n.origin
	if err := table.decode(own, path); err != nil {
		return err
	}
	if err := settle(plan.LoRA, &plan.Args, own, path); err != nil {
		return err
	}
	for _, other := range r.pipeline.Input.Adapters {
		if other.Name == plan.Name {
			return n.get("name").origin.errorf("%s.name: a second adapter is named %q, expected every name once", path, string(plan.Name))
		}
	}
	r.pipeline.Input.Adapters = append(r.pipeline.Input.Adapters, plan)
	return nil
}

// settle refuses what contradicts itself across keys.
func (r *pipelineReader) settle(tree *node) error {
	for _, settleBlock := range []func(*node) error{
		r.settleBase, r.settlePretrain, r.settleRLHF, r.settleMerge, r.settleDistill, r.settleMeasured, r.settleExport, r.settleChoices, r.settleMemory, r.settleJudge,
	} {
		if err := settleBlock(tree); err != nil {
			return err
		}
	}
	clean := r.pipeline.Input.Prepare.Clean
	for _, bounds := range []struct {
		name                    string
		longerThan, shorterThan int
	}{
		{"question", clean.QuestionLongerThan, clean.QuestionShorterThan},
		{"answer", clean.AnswerLongerThan, clean.AnswerShorterThan},
	} {
		if bounds.longerThan+1 >= bounds.shorterThan {
			return tree.place("prepare", "clean").errorf("prepare.clean: no %s is longer than %d and shorter than %d characters",
				bounds.name, bounds.longerThan, bounds.shorterThan)
		}
	}
	if err := r.pipeline.Input.Approval.Check(); err != nil {
		return tree.place("approval").errorf("approval: %w", err)
	}
	schedule := r.pipeline.Schedule
	switch {
	case schedule.Cron != "" && schedule.Every != 0:
		return tree.place("schedule").errorf("schedule: has cron and every, expected one of them")
	case tree.get("schedule") != nil && schedule.IsZero():
		return tree.place("schedule").errorf("schedule: has neither cron nor every, expected one of them")
	}
	return nil
}
