package configs

import "elara/spec"

// lack is a value that a file may give and that the engine cannot serve yet.
type lack struct {
	path  []string // of the key, below an adapter
	asked bool
}

// lacking is the one list of what the tables read and the engine does not do: such a value is refused by name before
// anything is trained, instead of being ignored. A capability that the engine gains leaves this list.
func lacking(a spec.TrainingArgs) []lack {
	args := func(name string, asked bool) lack { return lack{path: []string{"training_args", name}, asked: asked} }
	return []lack{
		args("label_smoothing_factor", a.LabelSmoothingFactor > 0),
		args("gradient_checkpointing", a.GradientCheckpointing),
	}
}

// refuseLacking gives the error for the first value that the engine cannot serve.
func refuseLacking(lacks []lack, tree *node, path string) error {
	for _, l := range lacks {
		if !l.asked {
			continue
		}
		value := tree
		for _, name := range l.path {
			path, value = join(path, name), value.get(name)
		}
		return value.origin.errorf("%s: %s is not built into this engine yet, expected the default", path, value.found())
	}
	return nil
}
