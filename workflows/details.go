package workflows

import (
	"fmt"
	"strings"

	"elara/spec"
)

// The texts of this file are the current details that the Temporal UI shows: Markdown, for a reader who is no
// engineer. They hold names, counts and digests, never text of a row.

func pipelineDetails(s spec.PipelineStatus) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s, run %s\n\nStage: **%s**\n", s.Name, s.Run, s.Stage)
	if s.Stage == spec.StageApproval {
		fmt.Fprintf(&b, "\nWaiting for a reviewer's decision on candidate `%s`.\n", s.Candidate.Digest)
		for _, signed := range s.Signed {
			fmt.Fprintf(&b, "\nApproved by %s; %d signatures are needed.\n", signed.Reviewer, s.Approval.Needed())
		}
	}
	if s.Decision.Verdict != "" {
		fmt.Fprintf(&b, "\nCandidate `%s`: **%s**", s.Decision.Candidate.Short(), s.Decision.Verdict)
		if s.Decision.Reviewer != "" {
			fmt.Fprintf(&b, " by %s", s.Decision.Signers())
		}
		b.WriteString(".\n")
	}
	if s.Gates != nil {
		b.WriteString("\n" + gateDetails(*s.Gates))
	}
	for _, fall := range s.Drift {
		fmt.Fprintf(&b, "\n**Production falls**: %s.\n", fall.Text())
	}
	if s.Release.Refused != "" {
		fmt.Fprintf(&b, "\n**Not released**: %s.\n", s.Release.Refused)
	}
	if s.Release.TakenBack != "" {
		fmt.Fprintf(&b, "\n**Taken back** after the release: %s.\n", s.Release.TakenBack)
	}
	if s.Pretrain != nil {
		fmt.Fprintf(&b, "\nContinued pre-training of base model `%s`", s.Pretrain.Base.Digest.Short())
		if !s.Pretrain.Ref.IsZero() {
			fmt.Fprintf(&b, " on %d documents gave base model `%s`", s.Pretrain.Documents, s.Pretrain.Ref.Digest.Short())
		}
		b.WriteString(".\n")
	}
	b.WriteString("\n| adapter | rows | held out | adapter artifact |\n|---|---|---|---|\n")
	for _, a := range s.Adapters {
		fmt.Fprintf(&b, "| %s | %d | %d | %s |\n", a.Adapter, a.TrainRows, a.EvalRows, a.Ref.Digest.Short())
	}
	for _, aligned := range s.RLHF {
		b.WriteString("\n" + alignedDetails(aligned))
	}
	if s.Merge != nil && len(s.Merge.Candidates) > 0 {
		b.WriteString("\n" + mergeDetails(s.Merge.Candidates))
	}
	if s.Distill != nil && s.Distill.Figures != nil {
		b.WriteString("\n" + studentDetails(*s.Distill.Figures))
	}
	if len(s.Scores) > 0 {
		b.WriteString("\n" + scoreDetails(s.Scores))
	}
	if s.Export != nil && len(s.Export.Exports) > 0 {
		b.WriteString("\n" + exportDetails(s.Export.Exports))
	}
	if len(s.Skipped) > 0 {
		b.WriteString("\nNothing to do in:\n")
		for _, skipped := range s.Skipped {
			fmt.Fprintf(&b, "- %s: %s\n", skipped.Stage, skipped.Reason)
		}
	}
	return b.String()
}

func ledgerDetails(r spec.PrepareResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows read\n\n| bucket | rows |\n|---|---|\n", r.RowsRead)
	for _, count := range r.Ledger {
		fmt.Fprintf(&b, "| %s | %d |\n", count.Bucket, count.Rows)
	}
	if len(r.Datasets) > 0 {
		b.WriteString("\n| adapter | rows | held out |\n|---|---|---|\n")
		for _, dataset := range r.Datasets {
			fmt.Fprintf(&b, "| %s | %d | %d |\n", dataset.Adapter, dataset.TrainRows, dataset.EvalRows)
		}
	}
	return b.String()
}

func trainDetails(s TrainState, last spec.SegmentResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Stage: **train %s**, step **%d of %d**\n\n", s.Plan.Name, s.Outcome.Step, s.Outcome.TotalSteps)
	s.details(&b, last)
	return b.String()
}

// verdictSummary is the verdict in one line.
func verdictSummary(r spec.GateResult) string {
	each := make([]string, len(r.Adapters))
	for i, gate := range r.Adapters {
		each[i] = fmt.Sprintf("%s %s", gate.Adapter, gate.Verdict)
	}
	return fmt.Sprintf("%s (%s)", r.Verdict, strings.Join(each, ", "))
}

// gateDetails is the verdict with its reasons.
func gateDetails(r spec.GateResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Gates: **%s**, report `%s`\n", r.Verdict, r.Report.Digest.Short())
	for _, gate := range r.Adapters {
		fmt.Fprintf(&b, "- %s beside %s: **%s**\n", gate.Adapter, gate.Against, gate.Verdict)
		for _, reason := range gate.Reasons {
			fmt.Fprintf(&b, "  - %s\n", reason)
		}
	}
	return b.String()
}

// scoreDetails leaves out the adapters that are not measured yet.
func scoreDetails(scores []spec.AdapterScore) string {
	var b strings.Builder
	b.WriteString("| adapter | held-out rows | loss of the base | loss of the adapter |\n|---|---|---|---|\n")
	for _, score := range scores {
		if score.Adapter == "" {
			continue
		}
		fmt.Fprintf(&b, "| %s | %d | %.4f | %.4f |\n", score.Adapter, score.Rows, score.BaseLoss, score.AdapterLoss)
	}
	for _, score := range scores {
		measuredDetails(&b, score)
	}
	return b.String()
}

// measuredDetails are the figures of an adapter beside its base, and what it has by heart.
func measuredDetails(b *strings.Builder, score spec.AdapterScore) {
	if len(score.Comparisons) > 0 {
		fmt.Fprintf(b, "\n%s beside its base, gain with 95 %% interval:\n", score.Adapter)
	}
	for _, c := range score.Comparisons {
		if c.Items > 0 {
			fmt.Fprintf(b, "- %s: %s on %d items\n", c.Metric, c.Gain.Text(), c.Items)
		}
	}
	if m := score.Memory; m != nil {
		fmt.Fprintf(b, "\n%s has by heart: **%s**, %s\n", score.Adapter, m.Verdict, strings.Join(m.Reasons, "; "))
	}
}

func preferencesDetails(s spec.PreferencesStatus) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s, collection %s\n\n", s.Name, s.Run)
	switch {
	case s.Ended != "":
		fmt.Fprintf(&b, "Ended: **%s**", s.Ended)
		if s.Closed.By != "" {
			fmt.Fprintf(&b, " by %s", s.Closed.By)
		}
		b.WriteString(".\n")
	case s.Overdue:
		b.WriteString("**Nobody has judged for a while.**\n")
	default:
		b.WriteString("Waiting for judgements.\n")
	}
	fmt.Fprintf(&b, "\n- %d of %d judgements, %d of %d pairs complete\n", s.Judged, s.Wanted, s.Complete, s.Pairs)
	if !s.Plan.Deadline.IsZero() {
		fmt.Fprintf(&b, "- deadline %s\n", s.Plan.Deadline.UTC().Format("2006-01-02 15:04 MST"))
	}
	if s.Trouble != "" {
		fmt.Fprintf(&b, "- %d judgements wait for the store: %s\n", s.Waiting, s.Trouble)
	}
	if len(s.Reviewers) > 0 {
		b.WriteString("\n| reviewer | judged | tie | both bad |\n|---|---|---|---|\n")
		for _, r := range s.Reviewers {
			fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", r.Reviewer, r.Judged, r.Tie, r.BothBad)
		}
	}
	for _, report := range s.Imports {
		if report.Reason != "" {
			fmt.Fprintf(&b, "\nImport `%s`: %s\n", report.Set.Short(), report.Reason)
		}
	}
	if !s.Result.IsZero() {
		fmt.Fprintf(&b, "\nResult `%s`\n", s.Result.Digest)
	}
	return b.String()
}
