package main

import (
	"encoding/json"
	"fmt"
	"math"

	"elara/spec"
	"elara/telemetry/series"
)

const (
	steps        = 480
	loggingSteps = 3
	evalSteps    = 24
	memory       = 1_931_000_000 // bytes
)

// at is the progress after a step of a training without noise: its figures are functions of the step.
func at(adapter int, step int64) spec.Progress {
	share, a := float64(step)/steps, float64(adapter)
	loss := func(step int64) float64 {
		return 1.45 + 0.07*a + 1.3*math.Exp(-float64(step)/90) + 0.04*math.Sin(float64(step)*2.3+a)
	}
	p := spec.Progress{
		Stage: spec.StageTrain, Step: step, TotalSteps: steps, Epoch: 3 * share, Loss: loss(step),
		LearningRate:    2e-4 * min(float64(step)/48, (1+math.Cos(math.Pi*share))/2),
		GradNorm:        0.4 + 1.6/(1+float64(step)/20) + 0.1*math.Sin(float64(step)*1.7+a),
		TokensPerSecond: 820 - 25*a + 12*math.Sin(float64(step)/9),
		PeakMemoryBytes: memory + int64(adapter)*48_000_000 + 400_000*step,
		MatmulShare:     0.52 - 0.02*a + 0.01*math.Sin(float64(step)/7),
		LoggedStep:      step / loggingSteps * loggingSteps,
		EvalStep:        step / evalSteps * evalSteps,
	}
	p.LoggedLoss = loss(p.LoggedStep)
	p.EvalLoss = 1.6 + 0.06*a + 1.1*math.Exp(-float64(p.EvalStep)/80)
	return p
}

// state is the trainer_state.json of a checkpoint, as the engine writes it.
func state(adapter int, until int64) ([]byte, error) {
	log := []map[string]float64{}
	for step := int64(1); step <= until; step++ {
		p := at(adapter, step)
		if p.LoggedStep == step {
			log = append(log, map[string]float64{
				"step": float64(step), "epoch": p.Epoch, "loss": p.LoggedLoss, "learning_rate": p.LearningRate, "grad_norm": p.GradNorm,
			})
		}
		if p.EvalStep == step {
			log = append(log, map[string]float64{"step": float64(step), "epoch": p.Epoch, "eval_loss": p.EvalLoss})
		}
	}
	encoded, err := json.Marshal(map[string]any{"global_step": until, "log_history": log})
	if err != nil {
		return nil, fmt.Errorf("encode the state of step %d: %w", until, err)
	}
	return encoded, nil
}

// point is what readers must find after a step, and what they may find beside it.
type point struct {
	Must map[string]float64 `json:"must"`
	May  map[string]float64 `json:"may"`
}

// expected are the points by adapter and step: what the functions above say, and nothing of how it was written.
// Measurements of the time are in no checkpoint: where the machine is lost that made them, they may be missing.
func expected() map[string]map[int64]point {
	all := map[string]map[int64]point{}
	for i, adapter := range adapters() {
		points := map[int64]point{}
		for step := int64(1); step <= steps; step++ {
			p, at := at(i, step), point{Must: map[string]float64{}, May: map[string]float64{}}
			measured := at.Must
			if step <= lostBefore(i) {
				measured = at.May
			}
			if step%loggingSteps == 0 {
				at.Must[series.TrainLoss], at.Must[series.TrainLearningRate], at.Must[series.TrainGradNorm] = p.LoggedLoss, p.LearningRate, p.GradNorm
				measured[series.TrainTokens], measured[series.TrainMatmulShare] = p.TokensPerSecond, p.MatmulShare
				measured[series.TrainPeakMemory] = float64(p.PeakMemoryBytes) / 1e6
			}
			if step%evalSteps == 0 {
				at.Must[series.EvalLoss] = p.EvalLoss
			}
			if len(at.Must) > 0 {
				at.Must[series.TrainEpoch], at.Must[series.TrainGlobalStep] = p.Epoch, float64(step)
				points[step] = at
			}
		}
		all[adapter] = points
	}
	return all
}
