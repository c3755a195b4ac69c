package activities

import (
	"context"
	"fmt"
	"os"
	"time"

	"elara/rewards/judge"
	"elara/spec"
	"elara/spec/fault"
)

// AskJudge asks a judge about the answers of an adapter beside those of its base. A judge that cannot be asked is no failure of the run:
// the result says why there is no opinion, and the next run asks again.
func (c *Control) AskJudge(ctx context.Context, in spec.JudgeInput) (spec.JudgeResult, error) {
	return run(ctx, c.Instruments, spec.StageEvaluate, in, c.askJudge)
}

func (c *Control) askJudge(ctx context.Context, in spec.JudgeInput) (spec.JudgeResult, error) {
	pair := 2 * float64(in.Plan.Retries+1) * in.Plan.Timeout // seconds that one may take, in both orders
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StageEvaluate, Adapter: in.Target}, bulkPatience+time.Duration(pair*float64(time.Second)))
	defer work.end()
	key, err := judgeStage.key(struct {
		Answers    spec.Digest
		URL, Model string
		MaxPairs   int
	}{in.Report.Digest, in.Plan.URL, in.Plan.Model, in.Plan.MaxPairs})
	if err != nil {
		return spec.JudgeResult{}, err
	}
	found, reason, err := recall(work.ctx, work.store, judgeStage, key, func(spec.JudgeResult) []spec.ArtifactRef { return nil })
	if err != nil || reason != "" {
		found.Unchanged = reason
		return found, err
	}
	items, err := readItems(work.ctx, work.store, in.Report)
	if err != nil {
		return spec.JudgeResult{}, err
	}
	token := ""
	if name := in.Plan.TokenVariable; name != "" {
		if token = os.Getenv(name); token == "" {
			return missing(in.Plan, fmt.Sprintf("the worker's environment has no %s", name)), nil
		}
	}
	client := judge.New(in.Plan, token)
	asked := items.answers[:min(len(items.answers), in.Plan.MaxPairs)]
	var verdicts []judge.Verdict
	for i, a := range asked {
		pair := judge.Pair{Question: a.Question, Old: a.Base, New: a.Adapter}
		if a.Reference != nil {
			pair.Reference = *a.Reference
		}
		verdict, err := client.Compare(work.ctx, pair)
		if kind := fault.KindOf(err); kind == fault.Transient || kind == fault.Invalid {
			return missing(in.Plan, fmt.Sprintf("pair %d of %d: %v", i+1, len(asked), err)), nil
		}
		if err != nil {
			return spec.JudgeResult{}, err
		}
		verdicts = append(verdicts, verdict)
		work.pulse.row()
	}
	result := judge.Sum(verdicts)
	result.Model, result.Agreement = in.Plan.Model, agreements(asked, verdicts)
	return remember(work.ctx, work.store, judgeStage, key, result)
}

func missing(plan spec.JudgePlan, why string) spec.JudgeResult {
	return spec.JudgeResult{Model: plan.Model, Missing: why}
}

// agreements sets the judge beside each metric of answers.
func agreements(asked []answer, verdicts []judge.Verdict) []spec.JudgeAgreement {
	var all []spec.JudgeAgreement
	for _, metric := range answerMetrics() {
		var of []judge.Verdict
		var gains []float64
		for i, a := range asked {
			before, after, isMeasured := metric.both(a.BaseScores, a.AdapterScores)
			if isMeasured {
				of, gains = append(of, verdicts[i]), append(gains, after-before)
			}
		}
		if agreement, isDefined := judge.Agree(metric.name, of, gains); isDefined {
			all = append(all, agreement)
		}
	}
	return all
}

// judgeOf is the opinion on an adapter; nil: nobody asked. How it was come by is no part of a report.
func judgeOf(score spec.AdapterScore) *spec.JudgeResult {
	if score.Judge == nil {
		return nil
	}
	opinion := *score.Judge
	opinion.Unchanged = ""
	return &opinion
}

// judgeText is Markdown: what a judge says of an adapter, and how far it is to be believed.
func judgeText(r *spec.JudgeResult) string {
	switch {
	case r == nil:
		return ""
	case r.Missing != "":
		return fmt.Sprintf("\nJudge %s gave no opinion: %s.\n", r.Model, r.Missing)
	}
	text := fmt.Sprintf("\nJudge %s, an opinion that decides nothing: of %d pairs of answers, each in both orders, the adapter's was better in %d, worse in %d, "+
		"the same in %d; %d followed the order and %d could not be read.\n",
		r.Model, r.Pairs, r.Better, r.Worse, r.Same, r.Swayed, r.Unread)
	if r.Better+r.Worse > 0 {
		text += fmt.Sprintf("- share of better where one was: %s\n", r.Preference.Text())
	}
	for _, a := range r.Agreement {
		kappa := "not defined"
		if a.Kappa != nil {
			kappa = fmt.Sprintf("%.2f", *a.Kappa)
		}
		text += fmt.Sprintf("- agrees with %s on %s of %d pairs, kappa %s\n", a.Metric, a.Agree.Text(), a.Pairs, kappa)
	}
	return text
}
