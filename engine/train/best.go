package train

import (
	"math"
	"strings"

	"elara/spec"
	"elara/spec/fault"
)

// bestPrefix goes before the names of the best step's weights among the files of a snapshot. They travel with every
// snapshot, so that no pruning of older ones can lose them.
const bestPrefix = "best_"

// BestOf gives the weights of the best step that a snapshot's files hold; none when there are none. A resumed Loop is
// given them.
func BestOf(files map[string][]byte) map[string][]byte {
	best := map[string][]byte{}
	for name, data := range files {
		if name, found := strings.CutPrefix(name, bestPrefix); found {
			best[name] = data
		}
	}
	return best
}

// judge books an evaluation as transformers does: first early stopping looks at it beside the best so far, then it may
// become the best. It reports whether it did.
func (l *Loop) judge(loss float64) (isBest bool) {
	if l.Args.MetricForBestModel == "" {
		return false
	}
	s := l.State
	if patience := l.Args.EarlyStoppingPatience; patience > 0 {
		counter := &s.Callbacks.EarlyStopping.Attributes.Counter
		if *counter++; s.BestMetric == nil || l.better(loss, *s.BestMetric) && math.Abs(loss-*s.BestMetric) > l.Args.EarlyStoppingThreshold {
			*counter = 0
		}
		s.Callbacks.Control.Args.TrainingStop = s.Callbacks.Control.Args.TrainingStop || *counter >= patience
	}
	if s.BestMetric != nil && !l.better(loss, *s.BestMetric) {
		return false
	}
	s.BestMetric = &loss
	if l.Args.SaveStrategy != spec.StrategyNo {
		step := s.GlobalStep
		s.BestGlobalStep = &step
	}
	return true
}

func (l *Loop) better(a, b float64) bool {
	if l.Args.GreaterIsBetter {
		return a > b
	}
	return a < b
}

// keepBest remembers the weights of this step when it is the best so far. It is called where transformers would save: a
// best step between two saves is not kept there either. What a yield saves beside does not count, so that an interrupted
// run keeps what the undisturbed one keeps.
func (l *Loop) keepBest() error {
	s := l.State
	if s.BestGlobalStep == nil || *s.BestGlobalStep != s.GlobalStep {
		return nil
	}
	name := checkpointName(s.GlobalStep)
	s.BestModelCheckpoint = &name
	if !l.Args.LoadBestModelAtEnd {
		return nil
	}
	weights, err := l.restorer.Weights()
	if err != nil {
		return err
	}
	l.Best, s.Own.BestStep, s.Own.BestLoss = weights, s.GlobalStep, *s.BestMetric
	return nil
}

// loadBest puts the weights of the best step back at the end of the training.
func (l *Loop) loadBest() error {
	if !l.Args.LoadBestModelAtEnd || l.State.Own.BestStep == 0 {
		return nil
	}
	if len(l.Best) == 0 {
		return fault.New(fault.Corrupt, "the snapshot of step %d lacks the weights of the best step, %d", l.State.GlobalStep, l.State.Own.BestStep)
	}
	return l.restorer.Restore(l.Best)
}
