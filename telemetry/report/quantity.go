package report

import "elara/telemetry/series"

// quantity is what one chart shows.
type quantity struct {
	Key   string
	Title string
	Unit  string
	zero  bool // the axis begins at zero
	scale float64
}

// losses of trainings on tokens and on pairs of answers.
func losses() []quantity {
	return []quantity{
		{series.TrainLoss, "Training loss", "nats per supervised token, or pair of answers", false, 1},
		{series.EvalLoss, "Held-out loss", "nats per supervised token, or pair of answers", false, 1},
	}
}

// reward and distance are the axes that a policy is judged by.
func reward() quantity {
	return quantity{series.Metric("objective/scores"), "Reward", "mean score of the answers", false, 1}
}

func distance() quantity {
	return quantity{series.Metric("objective/kl"), "KL from the reference", "nats of an answer", true, 1}
}

// ofPolicies is what PPO is watched by, under TRL's names.
func ofPolicies() []quantity {
	return []quantity{
		reward(),
		distance(),
		{series.Metric("objective/rlhf_reward"), "Reward less KL penalty", "mean over answers", false, 1},
		{series.Metric("objective/non_score_reward"), "KL penalty", "mean over answers", false, 1},
		{series.Metric("objective/kl_coef"), "KL coefficient", "", true, 1},
		{series.Metric("objective/entropy"), "Entropy of an answer", "nats, estimated by what was drawn", false, 1},
		{series.Metric("policy/entropy_avg"), "Entropy of a token", "nats, of the whole distribution", false, 1},
		{series.Metric("response_length"), "Length of an answer", "tokens", true, 1},
		{series.Metric("eos_rate"), "Answers that end by themselves", "%", true, 100},
		{series.Metric("loss/policy_avg"), "Policy loss", "", false, 1},
		{series.Metric("loss/value_avg"), "Value loss", "", false, 1},
		{series.Metric("explained_variance"), "Explained variance", "of the returns, by the value function", false, 1},
		{series.Metric("policy/approxkl_avg"), "KL of an update", "nats of a token, approximate", true, 1},
		{series.Metric("policy/clipfrac_avg"), "Ratios clipped", "% of the tokens", true, 100},
		{series.Metric("val/clipfrac_avg"), "Values clipped", "% of the steps", true, 100},
		{series.Metric("val/ratio"), "Probability ratio", "1: the policy that answered", false, 1},
		{series.Metric("val/ratio_var"), "Variance of the ratio", "between mini-batches", true, 1},
	}
}

// ofSteps is what every training has.
func ofSteps() []quantity {
	return []quantity{
		{series.TrainLearningRate, "Learning rate", "", true, 1},
		{series.TrainGradNorm, "Gradient norm", "before clipping", true, 1},
		{series.TrainTokens, "Speed", "tokens per second, without padding", true, 1},
		{series.TrainPeakMemory, "Peak memory", "MB", true, 1},
		{series.TrainMatmulShare, "Matmul utilisation", "% of the measured peak", true, 100},
	}
}

// drawnOf gives the points of a curve that the chart may draw. What a policy descends is no loss of tokens, and is not drawn
// beside one.
func (q quantity) drawnOf(curve series.Curve) []series.Point {
	if q.Key == series.TrainLoss && reinforced(curve) {
		return nil
	}
	return curve.Points
}

// of gives a point's value in the chart's unit.
func (q quantity) of(point series.Point) (float64, bool) {
	value, has := point.Get(q.Key)
	return value * q.scale, has
}

// reinforced reports whether a curve is that of a policy.
func reinforced(curve series.Curve) bool {
	_, _, found := ends(curve, distance().Key)
	return found
}
