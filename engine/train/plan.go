package train

import (
	"math"

	"elara/spec"
	"elara/spec/fault"
)

// Plan says which rows every optimiser step of a run sees. All of it follows from the arguments and the number of rows.
type Plan struct {
	rows          int
	batch         int // rows of a micro-batch
	accumulation  int // micro-batches of a step
	seed          int64
	sequential    bool
	StepsPerEpoch int64
	TotalSteps    int64
	epoch         int64 // of order
	order         []int
}

// NewPlan lays out a run as transformers' Trainer does: a step takes gradient_accumulation_steps micro-batches, the last step
// of an epoch what is left; max_steps, where positive, beats num_train_epochs.
func NewPlan(args spec.TrainingArgs, rows int) (*Plan, error) {
	if rows == 0 {
		return nil, fault.New(fault.Invalid, "no rows to train on")
	}
	if args.PerDeviceTrainBatchSize < 1 || args.GradientAccumulationSteps < 1 {
		return nil, fault.New(fault.Invalid, "per_device_train_batch_size %d and gradient_accumulation_steps %d: expected at least 1", args.PerDeviceTrainBatchSize, args.GradientAccumulationSteps)
	}
	p := &Plan{rows: rows, batch: args.PerDeviceTrainBatchSize, accumulation: args.GradientAccumulationSteps, seed: args.Seed, epoch: -1}
	if args.DataSeed != nil {
		p.seed = *args.DataSeed
	}
	p.sequential = args.TrainSamplingStrategy == "sequential"
	p.StepsPerEpoch = ceil(ceil(int64(rows), int64(p.batch)), int64(p.accumulation))
	p.TotalSteps = args.MaxSteps
	if args.MaxSteps <= 0 {
		p.TotalSteps = int64(math.Ceil(args.NumTrainEpochs * float64(p.StepsPerEpoch)))
	}
	if p.TotalSteps <= 0 {
		return nil, fault.New(fault.Invalid, "num_train_epochs %v makes no step", args.NumTrainEpochs)
	}
	return p, nil
}

func ceil(a, b int64) int64 { return (a + b - 1) / b }

// Batches gives the rows of a step's micro-batches; steps count from 1.
func (p *Plan) Batches(step int64) [][]int {
	epoch, at := (step-1)/p.StepsPerEpoch, (step-1)%p.StepsPerEpoch
	if p.epoch != epoch {
		p.epoch, p.order = epoch, p.ordered(epoch)
	}
	begin := int(at) * p.batch * p.accumulation
	end := min(begin+p.batch*p.accumulation, p.rows)
	var batches [][]int
	for ; begin < end; begin += p.batch {
		batches = append(batches, p.order[begin:min(begin+p.batch, end)])
	}
	return batches
}

func (p *Plan) ordered(epoch int64) []int {
	if !p.sequential {
		return Permutation(p.rows, p.seed+epoch)
	}
	order := make([]int, p.rows)
	for i := range order {
		order[i] = i
	}
	return order
}

// Epoch is how far the run is after a step, in epochs, as transformers logs it: by micro-batches.
func (p *Plan) Epoch(step int64) float64 {
	perEpoch := ceil(int64(p.rows), int64(p.batch))
	epoch, at := (step-1)/p.StepsPerEpoch, (step-1)%p.StepsPerEpoch
	done := min((at+1)*int64(p.accumulation), perEpoch)
	return float64(epoch) + float64(done)/float64(perEpoch)
}

// EndsEpoch reports whether a step is the last of its epoch.
func (p *Plan) EndsEpoch(step int64) bool { return step%p.StepsPerEpoch == 0 }
