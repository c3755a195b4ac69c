package configs

import (
	"time"

	"elara/spec"
)

// Pipeline is one pipeline file, resolved and checked.
type Pipeline struct {
	Input    spec.PipelineInput // Run is empty: whoever starts the pipeline names the run
	Schedule ScheduleConfig
	Warnings []Warning // what the file says that has no effect
}

// ScheduleConfig says when the pipeline starts by itself. Exactly one of Cron and Every is set, or neither when the
// file has no schedule.
type ScheduleConfig struct {
	Cron           string        // five fields, UTC
	Every          time.Duration //
	CatchupHours   float64       // runs missed longer ago than this are not made up for
	Jitter         time.Duration // a run starts up to this much later
	PauseOnFailure bool
	Paused         bool // made, but not running yet
}

// IsZero reports whether the file has no schedule.
func (s ScheduleConfig) IsZero() bool { return s.Cron == "" && s.Every == 0 }

// LoadPipeline reads a pipeline file, then ELARA_ environment variables, then the overrides; the later wins. Overrides
// are keyed by dotted path ("base.path", "prepare.sources", "defaults.training_args.max_steps"); their values are what
// the file would hold, or texts to be read as such. Relative paths in the file are relative to the file, all others to
// the working directory.
func LoadPipeline(path string, overrides map[string]any) (Pipeline, error) {
	tree, err := parseFile(path)
	if err != nil {
		return Pipeline{}, err
	}
	return decodePipeline(tree, overrides)
}

func decodePipeline(file *node, overrides map[string]any) (Pipeline, error) {
	reader, err := readPipeline(file, overrides)
	if err != nil {
		return Pipeline{}, err
	}
	return reader.pipeline, nil
}

func readPipeline(file *node, overrides map[string]any) (*pipelineReader, error) {
	presets, err := readPresets()
	if err != nil {
		return nil, err
	}
	reader := &pipelineReader{presets: presets}
	table := reader.keys()
	if err := checkEnvironment(table); err != nil {
		return nil, err
	}
	above, err := overlay(table, nil, overrides)
	if err != nil {
		return nil, err
	}
	var layers [2]*node
	for i, layer := range []*node{file, above} {
		if layers[i], err = table.canonical(layer, ""); err != nil {
			return nil, err
		}
	}
	tree := merge(layers[0], layers[1])
	tree.origin = file.origin
	reader.defaults = tree.get("defaults")
	if err := table.decode(tree, ""); err != nil {
		return nil, err
	}
	reader.pipeline.Warnings = tree.warnings()
	return reader, reader.settle(tree)
}
