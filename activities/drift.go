package activities

import (
	"context"

	"elara/scoring/gates"
	"elara/spec"
	"elara/storage/artifact"
)

// RecordDrift keeps how well what a channel serves does on newly held-out rows, and says what has fallen.
func (c *Control) RecordDrift(ctx context.Context, in spec.DriftInput) (spec.DriftResult, error) {
	return run(ctx, c.Instruments, spec.StageEvaluate, in, c.recordDrift)
}

func (c *Control) recordDrift(ctx context.Context, in spec.DriftInput) (spec.DriftResult, error) {
	var result spec.DriftResult
	for _, served := range in.Served {
		drift := spec.Drift{Channel: in.Channel, Name: served.Score.Adapter, Audience: served.Audience}
		point := spec.DriftPoint{Run: in.Run, At: in.At, Adapter: served.Adapter.Digest, Dataset: served.Dataset.Digest, Rows: served.Score.Rows}
		for _, measured := range served.Score.Comparisons {
			if measured.Items > 0 {
				point.Figures = append(point.Figures, spec.DriftFigure{Metric: measured.Metric, Items: measured.Items, Estimate: measured.New})
			}
		}
		stands, err := artifact.AppendDrift(ctx, c.Store, drift, point,
			func(earlier []spec.DriftPoint) []spec.DriftFall { return fallen(drift, earlier, point) })
		if err != nil {
			return spec.DriftResult{}, err
		}
		result.Falls = append(result.Falls, stands.Falls...)
	}
	return result, nil
}

// fallen holds a measurement against the first of the same adapter: what other adapters did on other rows says nothing of its
// drift.
func fallen(drift spec.Drift, earlier []spec.DriftPoint, now spec.DriftPoint) []spec.DriftFall {
	for _, first := range earlier {
		if first.Adapter == now.Adapter {
			return fallenSince(drift, first, now)
		}
	}
	return nil
}

func fallenSince(drift spec.Drift, first, now spec.DriftPoint) []spec.DriftFall {
	type pair struct{ first, now spec.DriftFigure }
	var pairs []pair
	for _, then := range first.Figures {
		for _, figure := range now.Figures {
			if figure.Metric == then.Metric {
				pairs = append(pairs, pair{then, figure})
			}
		}
	}
	var falls []spec.DriftFall
	for _, p := range pairs {
		if gain := gates.Apart(p.now.Metric, p.first.Estimate, p.now.Estimate, len(pairs)); gain.High < 0 {
			falls = append(falls, spec.DriftFall{
				Adapter: drift.Name, Audience: drift.Audience, Metric: p.now.Metric, Since: first.At,
				First: p.first.Estimate, Now: p.now.Estimate, Gain: gain,
			})
		}
	}
	return falls
}
