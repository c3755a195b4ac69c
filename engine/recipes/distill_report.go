//go:build torch

package recipes

import (
	"context"

	"elara/engine/nn"
	"elara/scoring/gates"
	"elara/spec"
	"elara/spec/fault"
)

// reportFile lies beside a distilled model: spec.DistillReport.
const reportFile = "distillation.json"

// report measures the student that was written, its teacher and the control on the held-out rows. An observer that wants to
// know hears of each batch.
func (d *distillation) report(ctx context.Context, observer spec.TrainObserver) (*spec.DistillReport, error) {
	r := &spec.DistillReport{DistillFigures: spec.DistillFigures{Rows: int64(len(d.eval.list))}, RowNLL: map[string][]float64{}}
	measured := func(int) {}
	if hears, ok := observer.(spec.MeasureObserver); ok {
		measured = hears.Measured
	}
	models := []struct{ name, path, adapter string }{
		{"student", d.job.OutputDir, ""}, {"teacher", d.job.TeacherModel, d.job.TeacherAdapter}, {"control", d.job.ControlModel, ""},
	}
	for _, m := range models {
		if m.path == "" {
			continue
		}
		if err := d.runner.open(ctx, m.path, m.adapter, func(b *base, slot int) (err error) {
			if got := b.tok.Hash(); got != d.tokenizer {
				return fault.At(m.path, 0, "the tokenizer of the %s has the identity %s, expected the student's, %s", m.name, got, d.tokenizer)
			}
			r.RowNLL[m.name], r.RowTokens, err = rowLosses(ctx, d.runner, b, slot, d.eval.list, measured)
			return err
		}); err != nil {
			return nil, err
		}
	}
	for i, n := range r.RowTokens {
		r.Tokens += n
		r.Student += r.RowNLL["student"][i]
	}
	r.Student /= float64(r.Tokens)
	var err error
	if r.ToTeacher, err = against(r, "teacher"); err != nil {
		return nil, err
	}
	if d.job.ControlModel != "" {
		control, err := against(r, "control")
		if err != nil {
			return nil, err
		}
		r.ToControl = &control
	}
	data, err := encodeJSON(reportFile, r)
	if err != nil {
		return nil, err
	}
	return r, writeFolder(d.job.OutputDir, map[string][]byte{reportFile: data}, nil)
}

// rowLosses gives the sum of -log p of each row and how many tokens it predicts.
func rowLosses(ctx context.Context, r *Runner, b *base, slot int, list []nn.Row, measured func(rows int)) ([]float64, []int64, error) {
	losses, counts := make([]float64, len(list)), make([]int64, len(list))
	_, _, err := heldOutRows(ctx, r.Engine, b.model, slot, list, evalBatch, measured, func(row int, nll float64) {
		losses[row] += nll
		counts[row]++
	})
	return losses, counts, err
}

// against compares the student with another model, row by row, in nats a token; rows weigh as much as they have tokens.
func against(r *spec.DistillReport, other string) (spec.Comparison, error) {
	s := gates.Sample{Metric: spec.MetricLoss, LowerIsBetter: true}
	for i, n := range r.RowTokens {
		s.Old, s.New = append(s.Old, r.RowNLL[other][i]/float64(n)), append(s.New, r.RowNLL["student"][i]/float64(n))
		s.Weights = append(s.Weights, float64(n))
	}
	return gates.Compare(s)
}
