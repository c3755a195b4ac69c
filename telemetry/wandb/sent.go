package wandb

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"elara/spec/fault"
	"elara/telemetry/series"
)

// sentFile remembers, beside the run folders, what the server confirmed.
const sentFile = "sent.json"

type sentState struct {
	Run  string `json:"run"`
	Step int64  `json:"step"`
}

// readSent gives the newest step of a run that the server has for certain; 0 when nothing is known.
func readSent(dir, run string) (int64, error) {
	path := filepath.Join(dir, sentFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read what W&B has: %w", err)
	}
	var state sentState
	if err := json.Unmarshal(data, &state); err != nil {
		return 0, fault.New(fault.Corrupt, "%s: %w", path, err)
	}
	if state.Run != run { // another training's
		return 0, nil
	}
	return state.Step, nil
}

func writeSent(dir, run string, step int64) error {
	data, err := json.Marshal(sentState{run, step})
	if err != nil {
		return fmt.Errorf("encode what W&B has: %w", err)
	}
	return series.Replace(filepath.Join(dir, sentFile), append(data, '\n'))
}
