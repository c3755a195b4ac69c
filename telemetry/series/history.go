package series

import (
	"encoding/json"
	"errors"

	"elara/spec/fault"
)

// trainerState is what is read of transformers' trainer_state.json.
type trainerState struct {
	GlobalStep int64 `json:"global_step"`
	LogHistory []struct {
		Step            int64    `json:"step"`
		Epoch           float64  `json:"epoch"`
		Loss            *float64 `json:"loss"`
		GradNorm        *float64 `json:"grad_norm"`
		LearningRate    *float64 `json:"learning_rate"`
		EvalLoss        *float64 `json:"eval_loss"`
		TokensPerSecond *float64 `json:"tokens_per_second"`
	} `json:"log_history"`
}

// History reads the points of trainer_state.json and the step that it belongs to.
func History(state []byte) ([]Point, int64, error) {
	var s trainerState
	if err := json.Unmarshal(state, &s); err != nil {
		return nil, 0, corrupt(err)
	}
	var points []Point
	for _, entry := range s.LogHistory {
		if entry.Loss == nil && entry.EvalLoss == nil || entry.Step == 0 { // the summary at the end, the evaluation before the first step
			continue
		}
		newest := int64(0)
		if n := len(points); n > 0 {
			newest = points[n-1].Step
		}
		if entry.Step < newest {
			return nil, 0, corrupt(errors.New("the steps of log_history do not rise"))
		}
		if entry.Step > newest {
			points = append(points, Point{Step: entry.Step})
		}
		point := &points[len(points)-1]
		for _, value := range []struct {
			key    string
			number *float64
		}{
			{TrainLoss, entry.Loss},
			{TrainLearningRate, entry.LearningRate},
			{TrainGradNorm, entry.GradNorm},
			{TrainTokens, entry.TokensPerSecond},
			{EvalLoss, entry.EvalLoss},
		} {
			if value.number != nil {
				point.set(value.key, *value.number)
			}
		}
		point.set(TrainEpoch, entry.Epoch)
		point.set(TrainGlobalStep, float64(entry.Step))
	}
	return points, s.GlobalStep, nil
}

func corrupt(err error) error { return fault.New(fault.Corrupt, "trainer_state.json: %w", err) }

// Merge gives the points of a training that goes on from a step: those of its checkpoint's log, with what was measured
// beside them at the time, such as speed and clock. Points after the step, and points that the log does not know, belong
// to steps that are going to be run again.
func Merge(log, kept []Point) []Point {
	merged := make([]Point, 0, len(log))
	at := 0
	for _, point := range log {
		for at < len(kept) && kept[at].Step < point.Step {
			at++
		}
		whole := Point{Step: point.Step}
		if at < len(kept) && kept[at].Step == point.Step {
			whole.At = kept[at].At
			for _, v := range kept[at].Values {
				whole.set(v.Key, v.Number)
			}
		}
		for _, v := range point.Values {
			whole.set(v.Key, v.Number)
		}
		merged = append(merged, whole)
	}
	return merged
}
