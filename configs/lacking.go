package configs

import "elara/spec"

// lack is a value that a file may give and that the engine cannot serve yet.
type lack struct {
	path  []string // of the key, below an adapter
	asked bool
	only  string // the values that are lacking, for the documentation; empty: all but the default
}

// lacking is the one list of what the tables read and the engine does not do: such a value is refused by name before
// anything is trained, instead of being ignored. A capability that the engine gains leaves this list.
func lacking(l spec.LoRAConfig, a spec.TrainingArgs, completionOnly bool) []lack {
	lora := func(name string, asked bool) lack { return lack{path: []string{"lora_config", name}, asked: asked} }
	args := func(name string, asked bool) lack { return lack{path: []string{"training_args", name}, asked: asked} }
	return []lack{
		lora("bias", l.Bias != spec.BiasNone),
		lora("target_modules", l.TargetPattern != "").but("as one text"),
		lora("exclude_modules", len(l.ExcludeModules) > 0 || l.ExcludePattern != ""),
		lora("layers_to_transform", len(l.LayersToTransform) > 0),
		lora("rank_pattern", len(l.RankPattern) > 0),
		lora("alpha_pattern", len(l.AlphaPattern) > 0),
		lora("use_rslora", l.UseRSLoRA),
		lora("use_dora", l.UseDoRA),
		lora("modules_to_save", len(l.ModulesToSave) > 0),
		lora("init_lora_weights", l.InitWeights != spec.InitDefault),
		args("label_smoothing_factor", a.LabelSmoothingFactor > 0),
		args("gradient_checkpointing", a.GradientCheckpointing),
	}
}

// but names the lacking values of a key whose other values are served.
func (l lack) but(only string) lack { l.only = only; return l }

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
