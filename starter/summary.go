package main

import (
	"fmt"
	"strings"

	"elara/spec"
	"elara/starter/terminal"
)

// scoreTable sets each adapter beside its base, measured on the same held-out tokens.
func scoreTable(scores []spec.AdapterScore) string {
	table := terminal.Table{
		Header: []string{"adapter", "held out", "loss: base", "adapter", "change", "perplexity: base", "adapter"},
		Right:  []int{1, 2, 3, 4, 5, 6},
	}
	for _, s := range scores {
		table.Rows = append(table.Rows, []string{
			string(s.Adapter), terminal.Count(s.Rows),
			fmt.Sprintf("%.4f", s.BaseLoss), fmt.Sprintf("%.4f", s.AdapterLoss), fmt.Sprintf("%+.1f %%", change(s)),
			fmt.Sprintf("%.2f", s.BasePPL), fmt.Sprintf("%.2f", s.AdapterPPL),
		})
	}
	return table.String()
}

// change is by how much the adapter's loss differs from its base's, in percent; below 0 it has learnt.
func change(s spec.AdapterScore) float64 {
	if s.BaseLoss == 0 {
		return 0
	}
	return 100 * (s.AdapterLoss - s.BaseLoss) / s.BaseLoss
}

// pretrainText is the continued pre-training of a run on one line.
func pretrainText(p spec.PretrainStatus) string {
	if p.Ref.IsZero() {
		return fmt.Sprintf("Pretrain all weights of base model %s: under way\n", p.Base.Digest.Short())
	}
	return fmt.Sprintf("Pretrain base model %s on %s documents, %s steps: base model %s\n",
		p.Base.Digest.Short(), terminal.Count(p.Documents), terminal.Count(p.Steps), p.Ref.Digest.Short())
}

// mergeText lists what a merge gave, the best first.
func mergeText(m spec.MergeStatus) string {
	if m.Best.IsZero() {
		return "Merge into one " + string(m.Into) + ": under way\n"
	}
	table := terminal.Table{Header: []string{"merge", "method", "held out", "loss", "artifact"}, Right: []int{2, 3}}
	for _, c := range m.Candidates {
		table.Rows = append(table.Rows, []string{
			c.Method.Name, string(c.Method.CombinationType), terminal.Count(c.Rows), fmt.Sprintf("%.4f", c.Loss), c.Ref.Digest.Short(),
		})
	}
	return table.String()
}

// candidateText is what a reviewer decides on.
func candidateText(status spec.PipelineStatus) string {
	text := fmt.Sprintf("\nRun %s proposes candidate %s\n\n%s%s", status.Run, status.Candidate.Digest, scoreTable(status.Scores), gatesText(status.Gates))
	if status.Distill != nil {
		text += distillText(*status.Distill)
	}
	return text
}

// gatesText is the verdict of the gates with its reasons.
func gatesText(gates *spec.GateResult) string {
	if gates == nil {
		return ""
	}
	text := fmt.Sprintf("Gates      %s (report %s)\n", gates.Verdict, gates.Report.Digest.Short())
	for _, gate := range gates.Adapters {
		text += fmt.Sprintf("  %s beside %s: %s\n", gate.Adapter, gate.Against, gate.Verdict)
		for _, reason := range gate.Reasons {
			text += fmt.Sprintf("    %s\n", reason)
		}
	}
	return text
}

// resultText is how a run ended.
func resultText(result spec.PipelineResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nRun %s\n\n%s\n", result.Run, scoreTable(result.Evaluate.Scores))
	if p := result.Pretrain; p != nil {
		b.WriteString(pretrainText(spec.PretrainStatus{Base: p.Base, Ref: p.Model, Documents: p.Corpus.TrainDocs, Steps: p.Outcome.Step}))
	}
	for _, aligned := range result.RLHF {
		b.WriteString(rlhfText(spec.RLHFStatus{Adapter: aligned.Adapter, Method: aligned.Method, Policy: aligned.Policy.Ref, Alarms: aligned.Policy.Alarms}))
	}
	if m := result.Merge; m != nil {
		b.WriteString(mergeText(spec.MergeStatus{Best: m.Best, Candidates: m.Candidates}) + "\n")
	}
	if d := result.Distill; d != nil {
		b.WriteString(distillText(spec.DistillStatus{Student: d.Student, Figures: d.Figures}) + "\n")
	}
	for _, adapter := range result.Adapters {
		if dropped := adapter.Outcome.RowsDropped; dropped > 0 {
			fmt.Fprintf(&b, "Cut        %s rows of %s: max_length leaves them no token to learn from\n", terminal.Count(dropped), adapter.Adapter)
		}
		if shortened := adapter.Outcome.RowsShortened; shortened > 0 {
			fmt.Fprintf(&b, "Shortened  %s rows of %s: max_length cuts %s tokens off their ends\n", terminal.Count(shortened), adapter.Adapter, terminal.Count(adapter.Outcome.TokensCut))
		}
	}
	fmt.Fprintf(&b, "Candidate  %s\n%s", result.Candidate.Digest, gatesText(result.Gates))
	for _, fall := range result.Drift {
		fmt.Fprintf(&b, "Drift      %s\n", fall.Text())
	}
	if d := result.Decision; d.Verdict != "" {
		fmt.Fprintf(&b, "Decision   %s\n", decisionText(d))
		if d.Reason != "" {
			fmt.Fprintf(&b, "Reason     %s\n", d.Reason)
		}
	}
	switch {
	case result.Release.Refused != "":
		fmt.Fprintf(&b, "Release    refused: %s\n", result.Release.Refused)
	case result.Release.TakenBack != "":
		fmt.Fprintf(&b, "Release    taken back: %s; channel %s serves %s\n", result.Release.TakenBack, result.Release.Channel, servedText(result.Release.Current))
	case result.Release.Current == "":
		b.WriteString("Release    nothing was released\n")
	case result.Release.Unchanged != "":
		fmt.Fprintf(&b, "Release    unchanged: %s\n", result.Release.Unchanged)
	case result.Release.Previous == "":
		fmt.Fprintf(&b, "Release    channel %s now points to %s, its first release\n", result.Release.Channel, result.Release.Current.Short())
	default:
		fmt.Fprintf(&b, "Release    channel %s now points to %s, before it was %s\n",
			result.Release.Channel, result.Release.Current.Short(), result.Release.Previous.Short())
	}
	if e := result.Export; e != nil {
		b.WriteString(exportText(spec.ExportStatus{Exports: e.Exports}))
	}
	b.WriteString(skippedText(result.Skipped))
	return b.String()
}

// skippedText names the stages that had nothing to do.
func skippedText(skipped []spec.SkippedStage) string {
	if len(skipped) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nNothing to do in:\n")
	for _, s := range skipped {
		fmt.Fprintf(&b, "  %s: %s\n", s.Stage, s.Reason)
	}
	return b.String()
}

// distillText sets a student beside its teacher and its control.
func distillText(d spec.DistillStatus) string {
	if d.Student.IsZero() {
		return fmt.Sprintf("Distil a student of %s: under way\n", d.Teacher)
	}
	text := fmt.Sprintf("Student    %s\n", d.Student.Digest.Short())
	f := d.Figures
	if f == nil {
		return text
	}
	table := terminal.Table{Header: []string{"model", "held out", "loss", "the student is better by"}, Right: []int{1, 2}}
	table.Rows = append(table.Rows, []string{"student", terminal.Count(f.Rows), fmt.Sprintf("%.4f", f.Student), ""})
	line := func(name string, c spec.Comparison) {
		table.Rows = append(table.Rows, []string{name, terminal.Count(f.Rows), fmt.Sprintf("%.4f", c.Old.Value), c.Gain.Text()})
	}
	line("teacher", f.ToTeacher)
	if f.ToControl != nil {
		line("without the teacher", *f.ToControl)
	}
	return text + table.String()
}

// exportText says where the exports lie.
func exportText(s spec.ExportStatus) string {
	if len(s.Exports) == 0 {
		return fmt.Sprintf("Export %d models: under way\n", s.Models)
	}
	var b strings.Builder
	for _, e := range s.Exports {
		fmt.Fprintf(&b, "Export     %s: %s\n", e.Plan, e.Place)
	}
	return b.String()
}
