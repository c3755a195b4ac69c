//go:build torch

package recipes

import (
	"context"
	"math"

	"elara/data/instruct"
	"elara/engine/loss"
	"elara/scoring/measure"
	"elara/spec"
	"elara/spec/fault"
)

// rewardFile says what the scores of a reward model mean.
const rewardFile = "reward.json"

// bands is how many ranges of probability, from 1/2 to 1, the calibration of a reward model is told by.
const bands = 10

// report measures the finished reward model.
func (w *rewardRun) report(ctx context.Context) (*spec.RewardReport, error) {
	report := &spec.RewardReport{
		Tokenizer: w.base.tok.Hash(), Audience: w.data.Audience, MaxLength: w.maxLength, Pairs: int64(len(w.train.list)),
	}
	var err error
	if report.Base, err = baseDigest(w.job.BaseModel); err != nil {
		return nil, err
	}
	if report.Template, err = instruct.Guide().Hash(); err != nil {
		return nil, err
	}
	trained, err := w.scores(ctx, w.train)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(trained); i += 2 {
		report.Center += trained[i] / float64(len(w.train.list))
	}
	if !finite(report.Center) {
		return nil, fault.New(fault.Diverged, "the mean score of the chosen answers is %v", report.Center)
	}
	if len(w.eval.list) == 0 {
		w.runner.notice("no held-out pairs: the accuracy of the reward model is not known")
		return report, nil
	}
	held, err := w.scores(ctx, w.eval)
	if err != nil {
		return nil, err
	}
	var decided []float64 // ties have no right choice
	for i, p := range w.eval.list {
		if !p.tie {
			decided = append(decided, held[2*i], held[2*i+1])
		}
	}
	if len(decided) > 0 {
		report.HeldOut = heldOutPairs(decided)
	}
	return report, nil
}

// heldOutPairs measures scores of pairs, of each the chosen answer's and then the rejected one's. Equal scores are no right choice.
func heldOutPairs(scores []float64) *spec.HeldOutPairs {
	n := len(scores) / 2
	h := &spec.HeldOutPairs{Pairs: int64(n)}
	table := make([]spec.Band, bands)
	right := make([]int, bands)
	for i := 0; i < len(scores); i += 2 {
		margin := scores[i] - scores[i+1]
		h.MeanMargin += margin / float64(n)
		p := loss.Sigmoid(math.Abs(margin))
		at := min(bands-1, int((p-0.5)*2*bands))
		table[at].Pairs++
		table[at].Predicted += p
		if margin > 0 {
			h.Right++
			right[at]++
		}
	}
	h.Accuracy = measure.Share(int(h.Right), n).Estimate()
	for i := range table {
		b := &table[i]
		b.From, b.To = 0.5+float64(i)/(2*bands), 0.5+float64(i+1)/(2*bands)
		if b.Pairs == 0 {
			continue
		}
		b.Predicted /= float64(b.Pairs)
		b.Observed = measure.Share(right[i], int(b.Pairs)).Estimate()
		h.CalibrationError += math.Abs(b.Predicted-b.Observed.Value) * float64(b.Pairs) / float64(n)
	}
	h.Calibration = table
	return h
}
