package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"elara/spec"
	"elara/storage/artifact"
	htmlreport "elara/telemetry/report"
)

// Files of a report artifact.
const (
	reportJSON     = "report.json" // a spec.Report
	reportMarkdown = "report.md"   // the same for people, with the answers
	reportHTML     = "report.html" // the same with intervals drawn, the worst answers first
)

// WriteReport puts the scores of all adapters, and what base and adapters answer, into one report. It names no run: the
// same scores are the same report.
func (c *Control) WriteReport(ctx context.Context, in spec.ReportInput) (spec.ArtifactRef, error) {
	return run(ctx, c.Instruments, spec.StageEvaluate, in, c.writeReport)
}

func (c *Control) writeReport(ctx context.Context, in spec.ReportInput) (spec.ArtifactRef, error) {
	report := spec.Report{Base: in.Base}
	inputs := []spec.Digest{in.Base.Digest}
	answers := make([][]answer, len(in.Scores))
	shown := reportPage("Evaluation beside the base", in.Base)
	for i, score := range in.Scores {
		score.Unchanged = "" // how the score was come by is no part of it
		score.Memory = memoryOf(score)
		score.Judge = nil // an opinion is no part of what a candidate is
		report.Scores = append(report.Scores, score)
		inputs = append(inputs, score.Report.Digest)
		if score.Memory != nil {
			inputs = append(inputs, score.Memory.Report.Digest)
		}
		found, err := readItems(ctx, c.Store, score.Report)
		if err != nil {
			return spec.ArtifactRef{}, err
		}
		answers[i] = found.answers
		shown.Adapters = append(shown.Adapters, besideBase(score, found.answers))
	}
	page, err := htmlreport.EvaluationPage(shown)
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	content, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	return artifact.PublishBytes(ctx, c.Store, spec.KindReport, map[string][]byte{
		reportJSON:     append(content, '\n'),
		reportMarkdown: []byte(markdown(report, answers)),
		reportHTML:     page,
	}, inputs, nil)
}

// markdown is the report for a reviewer: figures first, then what the model says now and said before.
func markdown(report spec.Report, answers [][]answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Evaluation on held-out rows\n\nBase model `%s`\n\n", report.Base.Digest)
	b.WriteString("| adapter | rows | tokens | loss of the base | loss of the adapter | change | perplexity of the base | perplexity of the adapter |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, s := range report.Scores {
		fmt.Fprintf(&b, "| %s | %d | %d | %.4f | %.4f | %+.4f | %.2f | %.2f |\n", s.Adapter, s.Rows, s.Tokens,
			s.BaseLoss, s.AdapterLoss, s.AdapterLoss-s.BaseLoss, s.BasePPL, s.AdapterPPL)
	}
	for _, s := range report.Scores {
		if len(s.Comparisons) > 0 {
			fmt.Fprintf(&b, "\n%s beside its base, 95 %% intervals:\n\n%s", s.Adapter, comparisonTable("base", s.Comparisons))
		}
		if len(s.Choices) > 0 {
			fmt.Fprintf(&b, "\n%s on multiple choice, 95 %% intervals:\n\n%s", s.Adapter, choiceTable(s.Choices))
		}
		fmt.Fprintf(&b, "\nWhat %s has by heart of its training rows:\n\n%s", s.Adapter, memoryTable(s.Memory))
	}
	for i, s := range report.Scores {
		if len(answers[i]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## What %s answers\n", s.Adapter)
		for _, a := range answers[i] {
			fmt.Fprintf(&b, "\n**%s**\n\nBefore:\n\n%s\nAfter:\n\n%s", flat(a.Question), quoted(a.Base), quoted(a.Adapter))
		}
	}
	return b.String()
}

// flat keeps a text on one line.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// quoted indents a text of the model, so that nothing in it is taken for Markdown.
func quoted(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return "_(nothing)_\n"
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + strings.TrimRight(line, "\r\n") + "\n")
	}
	return b.String()
}
