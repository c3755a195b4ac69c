//go:build torch

package recipes

import (
	"encoding/json"
	"fmt"

	"elara/spec"
	"elara/spec/fault"
)

// referenceFile is the name of a snapshot's reference log-probabilities. They are part of the state, 40 bytes a pair, and are not
// computed again: on a resume the adapter that gave them has moved on, and another number of threads would round them otherwise.
const referenceFile = "reference_logps.json"

// reference is what the answers of all pairs, the chosen one and the rejected one, had as log-probabilities before the first step.
type reference struct {
	Pairs spec.Digest  `json:"pairs"` // of their tokens
	Train [][2]float64 `json:"train"`
	Eval  [][2]float64 `json:"eval,omitempty"`
}

func (r reference) encode() ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", referenceFile, err)
	}
	return append(data, '\n'), nil
}

func decodeReference(data []byte) (r reference, err error) {
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fault.New(fault.Corrupt, "%s: %w", referenceFile, err)
	}
	return r, nil
}
