package series

import (
	"cmp"
	"slices"
	"strings"
)

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

const (
	trainPrefix = "train/"
	evalPrefix  = "eval/"
)

// Metric is the key of what a training measures under a name of its own, such as TRL's objective/kl: transformers' integrations
// (rewrite_logs) put train/ before it.
func Metric(name string) string { return trainPrefix + name }

// isKey tells keys of values from what else stands in a line.
func isKey(name string) bool {
	return strings.HasPrefix(name, trainPrefix) || strings.HasPrefix(name, evalPrefix)
}

// order compares two keys by their places in a point: those above in their order, then what a training measures beside them,
// under Metric, in alphabetical order.
func order(a, b string) int {
	known := [...]string{
		TrainLoss, TrainLearningRate, TrainGradNorm, TrainEpoch, TrainGlobalStep, TrainTokens, TrainPeakMemory, TrainMatmulShare,
		EvalLoss,
	}
	place := func(key string) int {
		if at := slices.Index(known[:], key); at >= 0 {
			return at
		}
		return len(known)
	}
	return cmp.Or(cmp.Compare(place(a), place(b)), strings.Compare(a, b))
}
