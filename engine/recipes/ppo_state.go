//go:build torch

package recipes

import (
	"encoding/json"
	"fmt"

	"elara/engine/ppo"
	"elara/spec"
	"elara/spec/fault"
)

// The names of a snapshot's files, beside the policy's (adapterFile, optimiserFile) and train.StateFile.
const (
	valueFile          = "value_model.safetensors"
	valueOptimiserFile = "value_optimizer.safetensors"
	healthyFile        = "healthy_model.safetensors" // what the guard goes back to
	ppoStateFile       = "ppo_state.json"
	samplesFile        = "samples.jsonl"
)

// ppoState is what a later iteration depends on beside tensors.
type ppoState struct {
	Version        int64          `json:"policy_version"` // iterations that have changed the policy
	OptimiserSteps int64          `json:"optimiser_steps"`
	Episodes       int64          `json:"episodes"`
	KL             ppo.Controller `json:"kl_controller"`
	Scores         ppo.Moments    `json:"scores"`
	Guard          ppo.Guard      `json:"guard"`
	HealthyVersion int64          `json:"healthy_version"`
	Stopped        []string       `json:"stopped,omitempty"` // the alarms that ended the run
}

func newPPOState(c spec.PPOConfig) ppoState {
	s := ppoState{KL: ppo.Controller{Coefficient: c.KLCoef}, Scores: ppo.NewMoments()}
	if c.AdapKLCtrl {
		s.KL.Coefficient = c.InitKLCoef
	}
	return s
}

// Snapshot implements train.Stepper.
func (p *ppoRun) Snapshot() (map[string][]byte, error) {
	files := map[string][]byte{healthyFile: p.healthy}
	if len(p.samples) > 0 {
		files[samplesFile] = p.samples
	}
	var err error
	if files[ppoStateFile], err = json.MarshalIndent(p.state, "", "  "); err != nil {
		return nil, fmt.Errorf("encode %s: %w", ppoStateFile, err)
	}
	return files, p.runner.Engine.Do(func() error {
		for _, part := range []struct {
			learner          learner
			weights, moments string
		}{{p.policy, adapterFile, optimiserFile}, {p.value, valueFile, valueOptimiserFile}} {
			if files[part.weights], err = part.learner.adapter.EncodeWeights(); err != nil {
				return err
			}
			if files[part.moments], err = part.learner.optimiser.Encode(); err != nil {
				return err
			}
		}
		return nil
	})
}

// restore goes back to a snapshot. It runs inside Engine.Do.
func (p *ppoRun) restore(files map[string][]byte) error {
	var state ppoState
	if err := json.Unmarshal(files[ppoStateFile], &state); err != nil {
		return fault.New(fault.Corrupt, "%s: %w", ppoStateFile, err)
	}
	for _, part := range []struct {
		learner          learner
		weights, moments string
	}{{p.policy, adapterFile, optimiserFile}, {p.value, valueFile, valueOptimiserFile}} {
		if err := part.learner.adapter.Replace(files[part.weights]); err != nil {
			return fmt.Errorf("%s: %w", part.weights, err)
		}
		if err := part.learner.optimiser.Restore(files[part.moments], state.OptimiserSteps); err != nil {
			return fmt.Errorf("%s: %w", part.moments, err)
		}
		part.learner.optimiser.ZeroGrad()
	}
	p.state, p.healthy, p.samples = state, files[healthyFile], files[samplesFile]
	return nil
}
