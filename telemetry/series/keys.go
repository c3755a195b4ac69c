package series

// Keys of values, as transformers' integrations name them: dashboards read these, so they are never renamed.
const (
	TrainLoss         = "train/loss"          // nats per supervised token, mean over the logging window
	TrainLearningRate = "train/learning_rate" // of the step
	TrainGradNorm     = "train/grad_norm"     // of the step, before clipping
	TrainEpoch        = "train/epoch"         // fractional
	TrainGlobalStep   = "train/global_step"   // optimiser steps
	TrainTokens       = "train/tokens_per_second"
	TrainPeakMemory   = "train/peak_memory_mb"     // units of 1,000,000 bytes
	TrainMatmulShare  = "train/matmul_utilisation" // 0 to 1, of the measured matmul peak
	EvalLoss          = "eval/loss"                // nats per supervised token, over the held-out rows
)

// Keys lists them in the order in which a point holds them.
func Keys() []string {
	return []string{
		TrainLoss, TrainLearningRate, TrainGradNorm, TrainEpoch, TrainGlobalStep, TrainTokens, TrainPeakMemory, TrainMatmulShare,
		EvalLoss,
	}
}
