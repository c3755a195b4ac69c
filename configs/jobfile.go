package configs

import (
	"os"
	"strings"

	"elara/spec"
)

// What the files of single trainings have in common: each is a JSON file in the form of the guide's.

// read decodes a file by its table, and gives the tree under the tables' own spelling, with its notes.
func (s *section) read(tree *node) (*node, error) {
	tree, err := s.canonical(tree, "")
	if err != nil {
		return nil, err
	}
	return tree, s.decode(tree, "")
}

// settleFolders refuses an evaluation without rows, and gives checkpoints a folder beside the result's.
func settleFolders(a *spec.TrainingArgs, outputDir, evalDataPath string, tree *node) error {
	if a.EvalStrategy != spec.StrategyNo && evalDataPath == "" {
		return tree.place("training_args", "eval_strategy").errorf(
			"training_args.eval_strategy: is %q but eval_data_path is missing, expected both or neither", a.EvalStrategy)
	}
	if a.OutputDir == "" {
		a.OutputDir = strings.TrimRight(outputDir, "/") + "_checkpoints"
	}
	return nil
}

// findBase makes base_model a path, or leaves a name on a hub.
func findBase(base *string, tree *node) (err error) {
	at := tree.get("base_model")
	if *base, err = at.baseModel(); err != nil {
		return located(err, at.origin, "base_model")
	}
	return nil
}

// Kinds of inputs.
const (
	modelInput   = "a model folder or a .gguf file on this machine"
	adapterInput = "a PEFT folder"
	rowsInput    = "a JSONL file"
)

// input is a path that a file names; an empty one names nothing.
type input struct{ key, path, expected string }

// findInputs looks whether what a file names at its top is there.
func findInputs(tree *node, inputs ...input) error {
	for _, in := range inputs {
		if err := in.find(tree.get(in.key)); err != nil {
			return err
		}
	}
	return nil
}

// find looks whether the input is there; at is where it is named.
func (in input) find(at *node) error {
	if in.path == "" {
		return nil
	}
	if _, err := os.Stat(in.path); err != nil {
		return at.origin.errorf("%s: %q cannot be opened: %w, expected %s", in.key, in.path, unwrapPath(err), in.expected)
	}
	return nil
}
