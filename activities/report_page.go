package activities

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"elara/spec"
	htmlreport "elara/telemetry/report"
)

// theBase is what an adapter is compared with where nothing is served.
const theBase = "the base model"

// mostShown is how many answers of an adapter a page shows.
const mostShown = 60

// figureLimits are said wherever figures are shown.
func figureLimits() []string {
	return []string{
		"Scores are counts over words, without any understanding: docs/evaluation.md has their measured error.",
		"Safety finds about 0.70 of plainly worded dangers that its rules have not met; no finding is no proof of safety.",
		"Accuracy is as good as the references; facts outside the lexicons count by shared words only.",
		"Held-out rows are of the training's sources: another clinic's questions may be answered worse.",
		"Nothing here is medical advice. A person decides.",
	}
}

func reportPage(title string, base spec.ArtifactRef) htmlreport.Evaluated {
	return htmlreport.Evaluated{Title: title, Facts: []htmlreport.Fact{{Name: "base model", Value: string(base.Digest)}}, Limits: figureLimits()}
}

// reportAdapter shows an adapter's answers, worst first, beside those of an older adapter, or of the base where old is nil.
func reportAdapter(gate spec.AdapterGate, score spec.AdapterScore, answers []answer, old []answer) htmlreport.EvaluatedAdapter {
	shown := htmlreport.EvaluatedAdapter{AdapterGate: gate, Score: score, OldName: "base", Remembered: remembered(score.Memory), Opinion: strings.TrimSpace(judgeText(gate.Judge))}
	if old != nil {
		shown.OldName = "served"
	}
	order := make([]int, len(answers))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(worth(answers[i]), worth(answers[j])) })
	for _, i := range order[:min(mostShown, len(order))] {
		a := answers[i]
		one := htmlreport.EvaluatedAnswer{Question: a.Question, Old: a.Base, New: a.Adapter}
		if old != nil {
			one.Old = old[i].Adapter
		}
		if a.Reference != nil {
			one.Reference = *a.Reference
		}
		one.Scores, one.Findings = inWords(a)
		shown.Answers = append(shown.Answers, one)
	}
	shown.Hidden = len(answers) - len(shown.Answers)
	return shown
}

// besideBase shows an adapter that nothing was decided about.
func besideBase(score spec.AdapterScore, answers []answer) htmlreport.EvaluatedAdapter {
	return reportAdapter(spec.AdapterGate{
		Adapter: score.Adapter, Against: theBase, Rules: spec.DefaultGateRules(), Comparisons: score.Comparisons,
	}, score, answers, nil)
}

// worth orders answers: those with findings first, then by how little of them is right and to the question.
func worth(a answer) float64 {
	j := a.AdapterScores
	if j == nil {
		return 0
	}
	relevance, _ := relevanceOf(j)
	accuracy, isMeasured := accuracyOf(j)
	if !isMeasured {
		accuracy = relevance
	}
	return accuracy + relevance - 10*float64(len(j.Findings))
}

func inWords(a answer) (scores string, findings []string) {
	j := a.AdapterScores
	if j == nil {
		return "", nil
	}
	var words []string
	if accuracy, isMeasured := accuracyOf(j); isMeasured {
		words = append(words, fmt.Sprintf("accuracy %.2f", accuracy))
	}
	if j.Relevance.Fault != "" {
		words = append(words, string(j.Relevance.Fault))
	} else {
		words = append(words, fmt.Sprintf("relevance rank %d of %d", j.Relevance.Rank, j.Relevance.Of))
	}
	if tone, isMeasured := toneOf(j); isMeasured {
		words = append(words, fmt.Sprintf("tone %.2f", tone))
	}
	for _, f := range j.Findings {
		findings = append(findings, fmt.Sprintf("%s: %s", f.Rule, f.Reason))
	}
	return strings.Join(words, ", "), findings
}

// comparisonTable is Markdown.
func comparisonTable(old string, comparisons []spec.Comparison) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| metric | items | %s | adapter | gain |\n|---|---:|---|---|---|\n", old)
	for _, c := range comparisons {
		if c.Items == 0 {
			fmt.Fprintf(&b, "| %s | 0 | | | not measured |\n", c.Metric)
			continue
		}
		note := ""
		if c.AtMost > 0 {
			note = fmt.Sprintf("; failures at most %.1f %%", 100*c.AtMost)
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %s%s | %s |\n", c.Metric, c.Items, estimateText(c.Old), estimateText(c.New), note, estimateText(c.Gain))
	}
	return b.String()
}

func estimateText(e spec.Estimate) string {
	return fmt.Sprintf("%.4f (%.4f to %.4f)", e.Value, e.Low, e.High)
}
