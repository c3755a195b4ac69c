package series

import (
	"encoding/json"
	"errors"
	"strings"

	"elara/spec/fault"
)

// trainerState is what is read of transformers' trainer_state.json.
type trainerState struct {
	GlobalStep int64            `json:"global_step"`
	LogHistory []map[string]any `json:"log_history"`
}

// History reads the points of trainer_state.json and the step that it belongs to.
func History(state []byte) ([]Point, int64, error) {
	var s trainerState
	if err := json.Unmarshal(state, &s); err != nil {
		return nil, 0, corrupt(err)
	}
	var points []Point
	for _, entry := range s.LogHistory {
		at, isNumber := entry["step"].(float64)
		step := int64(at)
		if !isNumber || float64(step) != at {
			return nil, 0, corrupt(errors.New("an entry of log_history has no whole step"))
		}
		_, trained := entry["loss"].(float64)
		_, evaluated := entry["eval_loss"].(float64)
		if !trained && !evaluated || step == 0 { // the summary at the end, the evaluation before the first step
			continue
		}
		newest := int64(0)
		if n := len(points); n > 0 {
			newest = points[n-1].Step
		}
		if step < newest {
			return nil, 0, corrupt(errors.New("the steps of log_history do not rise"))
		}
		if step > newest {
			points = append(points, Point{Step: step})
		}
		point := &points[len(points)-1]
		for name, value := range entry {
			if number, isNumber := value.(float64); isNumber && isLogged(name) {
				point.set(keyOf(name), number)
			}
		}
		point.set(TrainGlobalStep, at)
	}
	return points, s.GlobalStep, nil
}

// evalLogged begins the names of what an evaluation logs.
const evalLogged = "eval_"

// isLogged tells what a point keeps of an entry: all that the training measured, and of an evaluation its loss.
func isLogged(name string) bool {
	return name != "step" && (!strings.HasPrefix(name, evalLogged) || name == evalLogged+"loss")
}

// keyOf gives the key of a number by its name in log_history, as transformers' rewrite_logs does.
func keyOf(name string) string {
	if rest, evaluated := strings.CutPrefix(name, evalLogged); evaluated {
		return evalPrefix + rest
	}
	return Metric(name)
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
