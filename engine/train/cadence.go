package train

import "elara/spec"

// cadence is how many steps lie between two log entries, evaluations and checkpoints. A share of the run becomes steps as
// transformers rounds it.
type cadence struct{ logging, evaluation, saving int64 }

func newCadence(args spec.TrainingArgs, total int64) cadence {
	return cadence{
		logging:    steps(args.LoggingSteps, args.LoggingRatio, total),
		evaluation: steps(args.EvalSteps, args.EvalRatio, total),
		saving:     steps(args.SaveSteps, args.SaveRatio, total),
	}
}

// falls reports whether something that happens every so many steps happens after this one; 0 is never.
func falls(step, every int64) bool { return every > 0 && step%every == 0 }

// agenda is what happens after a step.
type agenda struct{ log, evaluate, save bool }

// byStep is what the strategies that count steps ask for after a step. As in transformers' default flow, a run that
// evaluates or saves by steps also does so after its last one.
func (l *Loop) byStep(step int64) agenda {
	c, last := l.cadence(), step == l.Plan.TotalSteps
	logs := l.Args.LoggingStrategy == spec.StrategySteps || l.Args.LoggingStrategy == ""
	return agenda{
		log:      logs && falls(step, c.logging) || l.Args.LoggingFirstStep && step == 1,
		evaluate: l.Args.EvalStrategy == spec.StrategySteps && (last || falls(step, c.evaluation)) && l.Args.EvalDelay <= float64(step),
		save:     l.Args.SaveStrategy == spec.StrategySteps && (last || falls(step, c.saving)),
	}
}

// byEpoch is what the strategies that count epochs ask for when an epoch ends. As in transformers the end of the training
// ends the epoch that it falls into.
func (l *Loop) byEpoch(step int64) agenda {
	return agenda{
		log:      l.Args.LoggingStrategy == spec.StrategyEpoch,
		evaluate: l.Args.EvalStrategy == spec.StrategyEpoch && l.Args.EvalDelay <= l.Plan.Epoch(step),
		save:     l.Args.SaveStrategy == spec.StrategyEpoch,
	}
}

func (l *Loop) cadence() cadence { return newCadence(l.Args, l.Plan.TotalSteps) }
