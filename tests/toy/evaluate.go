package toy

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"elara/spec"
)

// tokensPerRow is how long every row is taken to be.
const tokensPerRow = 4

// Evaluator finds every adapter better than its base, by an amount that depends on the adapter's number.
type Evaluator struct{}

// Evaluate implements activities.Evaluator.
func (Evaluator) Evaluate(ctx context.Context, job spec.EvaluateJob, progress func(spec.Progress)) (spec.EvaluateOutcome, error) {
	weights, err := os.ReadFile(filepath.Join(cmp.Or(job.Model, job.Adapter), WeightsFile))
	if err != nil {
		return spec.EvaluateOutcome{}, err
	}
	data, err := os.ReadFile(job.EvalDataPath)
	if err != nil {
		return spec.EvaluateOutcome{}, err
	}
	rows := int64(bytes.Count(data, []byte("\n")))
	if job.MaxRows > 0 {
		rows = min(rows, int64(job.MaxRows))
	}
	outcome := spec.EvaluateOutcome{Rows: rows, Tokens: rows * tokensPerRow}
	outcome.BaseNLL = 3 * float64(outcome.Tokens)
	outcome.AdapterNLL = (1 + float64(binary.LittleEndian.Uint64(weights)%1000)/1000) * float64(outcome.Tokens)
	for row := range rows {
		outcome.Items = append(outcome.Items, spec.RowLoss{
			Line: row + 1, Tokens: tokensPerRow, BaseNLL: outcome.BaseNLL / float64(rows), AdapterNLL: outcome.AdapterNLL / float64(rows),
		})
	}
	for _, item := range job.Choices { // the base takes the first choice, the adapter the right one
		base, adapter := make([]spec.Likelihood, len(item.Choices)), make([]spec.Likelihood, len(item.Choices))
		for i := range item.Choices {
			base[i], adapter[i] = spec.Likelihood{Sum: -2, Tokens: 1}, spec.Likelihood{Sum: -2, Tokens: 1}
		}
		base[0].Sum, adapter[item.Gold].Sum = -1, -1
		outcome.BaseChoices, outcome.AdapterChoices = append(outcome.BaseChoices, base), append(outcome.AdapterChoices, adapter)
	}
	for i, prompt := range job.Prompts {
		if err := ctx.Err(); err != nil {
			return spec.EvaluateOutcome{}, err
		}
		outcome.BaseAnswers = append(outcome.BaseAnswers, fmt.Sprintf("I have read %d characters.", len(prompt)))
		outcome.AdapterAnswers = append(outcome.AdapterAnswers, fmt.Sprintf("See a doctor. (%x)", weights))
		if job.OtherQuestions > 0 { // the base's answers fit any question, those of the adapter their own
			outcome.BaseGains, outcome.AdapterGains = append(outcome.BaseGains, 0), append(outcome.AdapterGains, 0.5)
		}
		progress(spec.Progress{Step: int64(i + 1), TotalSteps: int64(len(job.Prompts))})
	}
	return outcome, nil
}
