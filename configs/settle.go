package configs

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"elara/spec"
)

// misfit is an error about one key of a block that other keys contradict.
type misfit struct {
	path []string // below the block
	err  error
}

func (m *misfit) Error() string { return strings.Join(m.path, ".") + ": " + m.err.Error() }
func (m *misfit) Unwrap() error { return m.err }

// at says which key of the block an error is about.
func at(err error, path ...string) error { return &misfit{path: path, err: err} }

// placed gives the error of a block the place of the key it is about, or of the block where that key is not written.
func placed(err error, tree *node, path string, block string) error {
	var about *misfit
	if !errors.As(err, &about) {
		return tree.place(block).errorf("%s: %w", join(path, block), err)
	}
	return tree.place(append([]string{block}, about.path...)...).errorf("%s.%w", join(path, block), err)
}

// unread are keys of a block that nothing reads under a condition.
type unread struct {
	is   bool
	why  string
	keys []string
}

// refuseUnread refuses the first of them that is given; path is that of the block.
func refuseUnread(block *node, path string, all []unread) error {
	for _, u := range all {
		for _, name := range u.keys {
			if given := block.get(name); u.is && given != nil {
				return given.origin.errorf("%s: is not read: %s", join(path, name), u.why)
			}
		}
	}
	return nil
}

// settle derives what follows from other keys in the two blocks of an adapter, and refuses what contradicts itself.
func settle(l spec.LoRAConfig, a *spec.TrainingArgs, tree *node, path string) error {
	if err := settleLoRAConfig(l); err != nil {
		return placed(err, tree, path, "lora_config")
	}
	if err := settleTrainingArgs(a); err != nil {
		return placed(err, tree, path, "training_args")
	}
	return nil
}

// settleTrainingArgs derives what follows from other keys and refuses what contradicts itself, by transformers' rules.
func settleTrainingArgs(a *spec.TrainingArgs) error {
	if a.EvalSteps == 0 && a.EvalRatio == 0 {
		a.EvalSteps, a.EvalRatio = a.LoggingSteps, a.LoggingRatio
	}
	if a.MetricForBestModel == "" && (a.LoadBestModelAtEnd || a.EarlyStoppingPatience > 0) {
		a.MetricForBestModel = "loss"
	}
	if a.FP16 && a.BF16 {
		return errors.New("fp16 and bf16 are both true, expected at most one")
	}
	for _, check := range []func(spec.TrainingArgs) error{checkSchedule, checkBest, checkEarlyStopping} {
		if err := check(*a); err != nil {
			return err
		}
	}
	return nil
}

func checkSchedule(a spec.TrainingArgs) error {
	key, err := a.CheckSchedule()
	if err == nil {
		return nil
	}
	return at(err, strings.Split(key, ".")...)
}

// checkBest is transformers' own check of load_best_model_at_end: a best step must have been saved.
func checkBest(a spec.TrainingArgs) error {
	if a.SaveStrategy == spec.StrategyBest {
		switch {
		case a.MetricForBestModel == "":
			return at(errors.New(`is "best", which needs metric_for_best_model`), "save_strategy")
		case a.EvalStrategy == spec.StrategyNo:
			return at(errors.New(`is "best", which needs an eval_strategy`), "save_strategy")
		}
		return nil
	}
	if !a.LoadBestModelAtEnd {
		return nil
	}
	if a.EvalStrategy != a.SaveStrategy || a.EvalStrategy == spec.StrategyNo {
		return at(fmt.Errorf("needs an evaluation at every save, expected eval_strategy (%q) and save_strategy (%q) to be steps or epoch alike, or save_strategy to be best",
			a.EvalStrategy, a.SaveStrategy), "load_best_model_at_end")
	}
	if a.EvalStrategy != spec.StrategySteps {
		return nil
	}
	if (a.SaveRatio > 0) != (a.EvalRatio > 0) {
		return at(errors.New("needs save_steps and eval_steps to be both a number of steps or both a share"), "load_best_model_at_end")
	}
	const fine = 1_000_000 // shares are compared in millionths, as transformers does
	if a.EvalSteps > 0 && a.SaveSteps%a.EvalSteps != 0 || a.EvalRatio > 0 && math.Mod(a.SaveRatio*fine, a.EvalRatio*fine) != 0 {
		return at(errors.New("needs save_steps to be a multiple of eval_steps"), "load_best_model_at_end")
	}
	return nil
}

func checkEarlyStopping(a spec.TrainingArgs) error {
	switch {
	case a.EarlyStoppingPatience > 0 && a.EvalStrategy == spec.StrategyNo:
		return at(errors.New(`needs an eval_strategy, found "no"`), "early_stopping_patience")
	case a.EarlyStoppingThreshold > 0 && a.EarlyStoppingPatience == 0:
		return at(errors.New("is given without early_stopping_patience, expected both or neither"), "early_stopping_threshold")
	case a.GreaterIsBetter && a.MetricForBestModel == "":
		return at(errors.New("is given without metric_for_best_model, expected both or neither"), "greater_is_better")
	}
	return nil
}
