// Package configs reads every file that a person writes for Elara, and nothing else reads configuration.
//
// There are three kinds: Settings (how a binary reaches Temporal, S3 and its device), Pipeline (what is trained, from
// which data, when) and a training file in the guide's form (spec.LoRAJob).
//
// It promises that nothing is silently ignored: an unknown key, a wrong type, a value out of range, a key given twice
// or a contradiction is one line that names the file, the line, the key and what was expected, of kind fault.Invalid.
// What a file leaves out has the default that the table of keys gives; the same table makes docs/configuration.md.
//
// It refuses secrets in files of settings, YAML anchors, aliases and tags, and it fetches nothing.
//
//	pipeline, err := configs.LoadPipeline("pipeline.yaml", map[string]any{"base.path": "models/SmolLM2"})
//	if err != nil {
//		return err // pipeline.yaml:12: adapters[0].training_args.lerning_rate: unknown key (did you mean "learning_rate"?)
//	}
package configs

//go:generate go test -run TestReferenceDocumentIsCurrent . -update
