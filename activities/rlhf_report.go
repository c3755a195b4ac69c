package activities

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"elara/spec"
	"elara/spec/fault"
	htmlreport "elara/telemetry/report"
	"elara/telemetry/series"
)

// Files that trainings from judgements leave for people beside PEFT's.
const (
	rewardFile  = "reward.json"   // a spec.RewardReport
	samplesFile = "samples.jsonl" // spec.PPOSample a line
)

// RewardReport gives the report of a reward model that lies in a folder: report.html with its calibration, and the figures.
func RewardReport(title, folder string) (map[string][]byte, error) {
	path := filepath.Join(folder, rewardFile)
	figures, err := os.ReadFile(path)
	if err != nil {
		return nil, onDisk(err)
	}
	var report spec.RewardReport
	if err := json.Unmarshal(figures, &report); err != nil {
		return nil, fault.New(fault.Corrupt, "%s: %w", path, err)
	}
	page, err := htmlreport.RewardPage(title, report)
	return map[string][]byte{reportHTML: page, rewardFile: figures}, err
}

// PolicyReport gives the report of a policy that PPO left in a folder: report.html with its curves, its reward at its KL and its
// sample answers, and these as they are where there are any. config is the training as the page shows it.
func PolicyReport(title, folder string, config any) (map[string][]byte, error) {
	state, err := os.ReadFile(filepath.Join(folder, stateFile))
	if err != nil {
		return nil, onDisk(err)
	}
	curve := series.Curve{Run: series.Run{Adapter: "policy"}}
	var last int64
	if curve.Points, last, err = series.History(state); err != nil {
		return nil, err
	}
	curve.Run.Attempts = []series.Attempt{{LastStep: last, Done: true}}
	if curve.Run.Config, err = series.ConfigOf(config); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, samplesFile)
	table, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // without prompts to sample there is none
		return nil, onDisk(err)
	}
	var samples []spec.PPOSample
	for lines := json.NewDecoder(bytes.NewReader(table)); ; {
		var sample spec.PPOSample
		err := lines.Decode(&sample)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.New(fault.Corrupt, "%s: sample %d is not one", path, len(samples)+1) // without the text of a patient
		}
		samples = append(samples, sample)
	}
	page, err := htmlreport.PolicyPage(title, curve, samples)
	files := map[string][]byte{reportHTML: page}
	if len(samples) > 0 {
		files[samplesFile] = table
	}
	return files, err
}
