package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"elara/spec"
	"elara/spec/fault"
	"elara/telemetry/runlog"
)

// Curves opens the curve of one attempt at a training: config is what W&B shows beside it, state the trainer_state.json of
// the checkpoint that the attempt goes on from, nil at the beginning. The folder behind it outlives the attempt.
type Curves func(run spec.RunID, adapter spec.AdapterName, config any, state []byte) (*runlog.Log, error)

// stateFile is the file of a snapshot that knows the curve so far.
const stateFile = "trainer_state.json"

// curve opens the curve of a training. Nil, which keeps nothing, stands for a worker without curves and for a folder that
// cannot be written: a training is worth more than its curve, so that is only told.
func (d *Device) curve(ctx context.Context, run spec.RunID, adapter spec.AdapterName, config any, resume *spec.Snapshot) *runlog.Log {
	if d.Curves == nil {
		return nil
	}
	var state []byte
	if resume != nil {
		state = resume.Files[stateFile]
	}
	curve, err := d.Curves(run, adapter, config, state)
	if err != nil {
		activity.GetLogger(ctx).Warn("no curve is kept of this attempt", "adapter", adapter, "kind", fault.KindOf(err), "error", oneLine(err.Error()))
		return nil
	}
	return curve
}

// curveConfig is what a curve says of how its adapter was made: the plan, and what it was applied to.
type curveConfig struct {
	spec.AdapterPlan
	Base    spec.Digest `json:"base_model"`
	Dataset spec.Digest `json:"train_data"`
}
