package train

import (
	"math"
	"slices"

	"elara/spec"
	"elara/spec/fault"
)

// Plan says which rows every optimiser step of a run sees. All of it follows from the arguments and the rows' lengths.
type Plan struct {
	rows          int
	lengths       []int // of the rows, in tokens; nil where the order does not depend on them
	batch         int   // rows of a micro-batch
	accumulation  int   // micro-batches of a step
	perEpoch      int64 // micro-batches of an epoch
	seed          int64
	sampling      string
	StepsPerEpoch int64
	TotalSteps    int64
	epoch         int64 // of order
	order         []int
}

// NewPlan lays out a run over so many rows, for the orders that do not depend on their lengths.
func NewPlan(args spec.TrainingArgs, rows int) (*Plan, error) {
	if args.TrainSamplingStrategy == spec.SamplingGroupByLength {
		return nil, fault.New(fault.Invalid, "train_sampling_strategy %q needs the lengths of the rows", args.TrainSamplingStrategy)
	}
	return newPlan(args, rows, nil)
}

// NewPlanByLength lays out a run over rows of these lengths, in tokens, for every order.
func NewPlanByLength(args spec.TrainingArgs, lengths []int) (*Plan, error) {
	return newPlan(args, len(lengths), slices.Clone(lengths))
}

// newPlan counts steps as transformers' Trainer does: a step takes gradient_accumulation_steps micro-batches, the last step
// of an epoch what is left; max_steps, where positive, beats num_train_epochs.
func newPlan(args spec.TrainingArgs, rows int, lengths []int) (*Plan, error) {
	if rows == 0 {
		return nil, fault.New(fault.Invalid, "no rows to train on")
	}
	if args.PerDeviceTrainBatchSize < 1 || args.GradientAccumulationSteps < 1 {
		return nil, fault.New(fault.Invalid, "per_device_train_batch_size %d and gradient_accumulation_steps %d: expected at least 1", args.PerDeviceTrainBatchSize, args.GradientAccumulationSteps)
	}
	p := &Plan{
		rows: rows, lengths: lengths, batch: args.PerDeviceTrainBatchSize, accumulation: args.GradientAccumulationSteps,
		seed: args.Seed, sampling: args.TrainSamplingStrategy, epoch: -1,
	}
	if args.DataSeed != nil {
		p.seed = *args.DataSeed
	}
	p.perEpoch = ceil(int64(rows), int64(p.batch))
	if args.DataloaderDropLast {
		p.perEpoch = int64(rows / p.batch)
	}
	if p.perEpoch == 0 {
		return nil, fault.New(fault.Invalid, "dataloader_drop_last leaves none of %d rows: they do not fill a micro-batch of %d", rows, p.batch)
	}
	p.StepsPerEpoch = ceil(p.perEpoch, int64(p.accumulation))
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
	end := min(begin+p.batch*p.accumulation, p.rows, int(p.perEpoch)*p.batch)
	var batches [][]int
	for ; begin < end; begin += p.batch {
		batches = append(batches, p.order[begin:min(begin+p.batch, end)])
	}
	return batches
}

func (p *Plan) ordered(epoch int64) []int {
	switch p.sampling {
	case spec.SamplingSequential:
		order := make([]int, p.rows)
		for i := range order {
			order[i] = i
		}
		return order
	case spec.SamplingGroupByLength:
		return GroupedByLength(p.lengths, p.batch*p.accumulation, p.seed+epoch)
	}
	return Permutation(p.rows, p.seed+epoch)
}

// Epoch is how far the run is after a step, in epochs, as transformers logs it: by micro-batches.
func (p *Plan) Epoch(step int64) float64 {
	if step == 0 {
		return 0
	}
	epoch, at := (step-1)/p.StepsPerEpoch, (step-1)%p.StepsPerEpoch
	done := min((at+1)*int64(p.accumulation), p.perEpoch)
	return float64(epoch) + float64(done)/float64(p.perEpoch)
}

// EndsEpoch reports whether a step is the last of its epoch.
func (p *Plan) EndsEpoch(step int64) bool { return step%p.StepsPerEpoch == 0 }
