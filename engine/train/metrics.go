package train

import (
	"encoding/json"
	"fmt"
	"strings"
)

// MarshalJSON writes the metrics as keys of the entry, after its own and in ascending order, as transformers' log_history has
// them.
func (e LogEntry) MarshalJSON() ([]byte, error) {
	type plain LogEntry
	own, err := json.Marshal(plain(e))
	if err != nil || len(e.Metrics) == 0 {
		return own, err
	}
	metrics, err := json.Marshal(e.Metrics)
	if err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	return append(append(own[:len(own)-1], ','), metrics[1:]...), nil
}

// UnmarshalJSON takes every number that is no key of the entry for a metric.
func (e *LogEntry) UnmarshalJSON(data []byte) error {
	type plain LogEntry
	if err := json.Unmarshal(data, (*plain)(e)); err != nil {
		return err
	}
	var all map[string]float64
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	e.Metrics = nil
	for name, value := range all {
		if isMetric(name) {
			if e.Metrics == nil {
				e.Metrics = map[string]float64{}
			}
			e.Metrics[name] = value
		}
	}
	return nil
}

// isMetric tells a metric by its name from the keys of every entry.
func isMetric(name string) bool {
	const keys = " epoch step loss grad_norm learning_rate eval_loss train_loss tokens_per_second "
	return !strings.Contains(keys, " "+name+" ")
}
