package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"elara/scoring/gates"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	htmlreport "elara/telemetry/report"
)

// Files of a gate's report, beside reportHTML: the verdict, and a model card for each adapter.
const (
	verdictFile = "verdict.json" // a spec.GateResult
	cardsFolder = "cards/"       // NAME.md
)

// FindIncumbents says what a channel serves.
func (c *Control) FindIncumbents(ctx context.Context, in spec.IncumbentsInput) (spec.Incumbents, error) {
	return run(ctx, c.Instruments, spec.StageEvaluate, in, c.findIncumbents)
}

func (c *Control) findIncumbents(ctx context.Context, in spec.IncumbentsInput) (spec.Incumbents, error) {
	release, err := artifact.Current(ctx, c.Store, in.Channel)
	if fault.Is(err, fault.NotFound) {
		return spec.Incumbents{}, nil
	}
	if err != nil || release.Current().IsZero() { // a channel that was taken back to nothing
		return spec.Incumbents{}, err
	}
	served, err := artifact.ReadCandidate(ctx, c.Store, release.Current())
	if err != nil {
		return spec.Incumbents{}, err
	}
	return spec.Incumbents{Base: served.Base, Adapters: served.Adapters}, nil
}

// JudgeCandidate holds every adapter against what it would take the place of, and writes the report that a reviewer reads:
// verdict.json, report.html and a model card for each adapter. The report names no run.
func (c *Control) JudgeCandidate(ctx context.Context, in spec.GateInput) (spec.GateResult, error) {
	return run(ctx, c.Instruments, spec.StageEvaluate, in, c.judgeCandidate)
}

func (c *Control) judgeCandidate(ctx context.Context, in spec.GateInput) (spec.GateResult, error) {
	var result spec.GateResult
	page := reportPage("Candidate "+in.Candidate.Digest.Short(), in.Base)
	page.Facts = append(page.Facts, htmlreport.Fact{Name: "candidate", Value: string(in.Candidate.Digest)}, htmlreport.Fact{Name: "channel", Value: in.Channel})
	inputs := []spec.Digest{in.Candidate.Digest}
	for _, target := range in.Targets {
		found, err := readItems(ctx, c.Store, target.Score.Report)
		if err != nil {
			return spec.GateResult{}, err
		}
		var served items
		if !target.IncumbentScore.Report.IsZero() {
			inputs = append(inputs, target.IncumbentScore.Report.Digest)
			if served, err = readItems(ctx, c.Store, target.IncumbentScore.Report); err != nil {
				return spec.GateResult{}, err
			}
		}
		if target.Score.Memory = memoryOf(target.Score); target.Score.Memory != nil {
			inputs = append(inputs, target.Score.Memory.Report.Digest)
		}
		gate, err := judgeAdapter(target, in.Channel, found, served)
		if err != nil {
			return spec.GateResult{}, fmt.Errorf("judge %s: %w", target.Score.Adapter, err)
		}
		inputs = append(inputs, target.Score.Report.Digest)
		result.Adapters = append(result.Adapters, gate)
		page.Adapters = append(page.Adapters, reportAdapter(gate, target.Score, found.answers, served.answers))
	}
	result.Verdict = gates.Worst(result.Adapters)
	page.Verdict = result.Verdict
	drawn, err := htmlreport.EvaluationPage(page)
	if err != nil {
		return spec.GateResult{}, err
	}
	verdict, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return spec.GateResult{}, err
	}
	files := map[string][]byte{verdictFile: append(verdict, '\n'), reportHTML: drawn}
	for i, target := range in.Targets {
		if target.Training == nil {
			continue
		}
		files[cardsFolder+string(target.Score.Adapter)+".md"] = []byte(card(in, target, result.Adapters[i]))
	}
	result.Report, err = artifact.PublishBytes(ctx, c.Store, spec.KindReport, files, inputs, nil)
	return result, err
}

// judgeAdapter compares with what is served, with the base where nothing is, and not at all where the very adapter is. What it has by
// heart is held against its bounds in any case.
func judgeAdapter(target spec.GateTarget, channel string, found, served items) (spec.AdapterGate, error) {
	rules, comparisons, against := target.Rules, target.Score.Comparisons, theBase
	var already []string
	switch {
	case target.Incumbent.Digest == target.Adapter.Digest && !target.Incumbent.IsZero():
		rules.Target, comparisons, against = spec.TargetNone, nil, "itself"
		already = []string{fmt.Sprintf("channel %s serves this very adapter", channel)}
	case !target.IncumbentScore.Report.IsZero():
		var err error
		if comparisons, err = compare(served.adapter(), found.adapter()); err != nil {
			return spec.AdapterGate{}, err
		}
		against = fmt.Sprintf("adapter %s, which channel %s serves", target.Incumbent.Digest.Short(), channel)
	}
	gate := gates.Decide(rules, comparisons, target.Score.Memory)
	gate.Adapter, gate.Against, gate.Rules = target.Score.Adapter, against, target.Rules
	gate.Judge = judgeOf(target.Score)
	gate.Reasons = append(already, gate.Reasons...)
	return gate, nil
}

// card is the model card of an adapter in the form of Hugging Face.
func card(in spec.GateInput, target spec.GateTarget, gate spec.AdapterGate) string {
	training := target.Training
	var b strings.Builder
	fmt.Fprintf(&b, "---\nlibrary_name: peft\nbase_model: %q\npipeline_tag: text-generation\nlanguage: en\ntags:\n- medical\n- lora\n- elara\n---\n\n", training.BaseName)
	fmt.Fprintf(&b, "# %s\n\nA LoRA adapter that answers medical questions for the audience *%s*, trained by Elara.\n\n", target.Score.Adapter, target.Audience)
	fmt.Fprintf(&b, "| | |\n|---|---|\n| adapter | `%s` |\n| base model | %s, `%s` |\n| candidate | `%s` |\n\n", target.Adapter.Digest, training.BaseName, in.Base.Digest, in.Candidate.Digest)
	b.WriteString("## Intended use\n\nDrafts of answers that a health professional checks before anybody acts on them. It is no medical device, gives no diagnosis, and is not for emergencies without a person.\n\n")
	fmt.Fprintf(&b, "## Data\n\n%d rows to train on and %d held out, data set `%s`; %d held-out rows were measured.", target.Dataset.TrainRows, target.Dataset.EvalRows, target.Dataset.Dataset.Digest, target.Score.Rows)
	fmt.Fprintf(&b, " %d held-out rows with the words of a training row were left out; %d share thirteen words in a row with one.", target.Score.TakenOut, target.Score.Overlapping)
	if target.Dataset.Canaries > 0 {
		fmt.Fprintf(&b, " %d canaries, rows of nobody with a made-up number, were trained on besides.", target.Dataset.Canaries)
	}
	b.WriteString("\n\n")
	lora, args := training.LoRA, training.Args
	fmt.Fprintf(&b, "## Training\n\n| | |\n|---|---|\n| rank, alpha, dropout | %d, %g, %g |\n| steps | %d |\n| learning rate | %g |\n| batch, accumulation | %d, %d |\n| longest row | %d tokens |\n| seed | %d |\n| mean loss | %.4f nats per token |\n\n",
		lora.R, lora.Alpha, lora.Dropout, training.Steps, args.LearningRate, args.PerDeviceTrainBatchSize, args.GradientAccumulationSteps, training.MaxLength, args.Seed, training.Loss)
	if aligned := training.Aligned; aligned != nil {
		fmt.Fprintf(&b, "That gave adapter `%s`, which was then aligned with people's preferences by %s: %d preferences and %d held out, `%s`; %d steps, loss %.4f",
			aligned.From.Digest, aligned.Method, aligned.Comparisons.Train, aligned.Comparisons.Held, aligned.Comparisons.Ref.Digest, aligned.Outcome.Step, aligned.Outcome.Loss)
		if len(aligned.Alarms) > 0 {
			fmt.Fprintf(&b, ", stopped by the guard (%s): it is the last policy within its bounds", strings.Join(aligned.Alarms, ", "))
		}
		b.WriteString(".\n\n")
	}
	fmt.Fprintf(&b, "## Evaluation\n\nCompared with %s, 95 %% intervals. Verdict of the gates: **%s**.\n\n", gate.Against, gate.Verdict)
	for _, reason := range gate.Reasons {
		fmt.Fprintf(&b, "- %s\n", reason)
	}
	fmt.Fprintf(&b, "\n%s\nBeside the base model:\n\n%s", comparisonTable("before", gate.Comparisons), comparisonTable("base", target.Score.Comparisons)+judgeText(gate.Judge))
	if len(target.Score.Choices) > 0 {
		fmt.Fprintf(&b, "\nMultiple choice, scored as lm-evaluation-harness does:\n\n%s", choiceTable(target.Score.Choices))
	}
	fmt.Fprintf(&b, "\n## Memory of patients\n\n%s", memoryTable(gate.Memory))
	b.WriteString("\n## Limits\n\n")
	for _, limit := range figureLimits() {
		fmt.Fprintf(&b, "- %s\n", limit)
	}
	fmt.Fprintf(&b, "\n## Approval\n\nWritten before anybody decided. `elara release show %s` tells whether candidate `%s` was approved, by whom, and why.\n", in.Channel, in.Candidate.Digest)
	return b.String()
}
