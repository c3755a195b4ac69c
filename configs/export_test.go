package configs

import (
	"path/filepath"
	"testing"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

func TestPipelineWithExportsHasAPlanForThem(t *testing.T) {
	withoutVariables(t)
	path := write(t, "p.yaml", smallPipeline+"export:\n  to: out\n  models: [{model: patient, form: gguf, quant: Q8_0}, {model: urgent, form: peft, audience: emergency}]\n")
	p, err := LoadPipeline(path, nil)
	require.NoError(t, err)
	require.Equal(t, spec.ExportPlan{To: filepath.Join(filepath.Dir(path), "out"), Models: []spec.ModelPlan{
		{Model: "patient", Form: spec.FormGGUF, Quant: "Q8_0"}, {Model: "urgent", Form: spec.FormPEFT, Audience: spec.Emergency},
	}}, p.Input.Export)

	p, err = LoadPipeline(write(t, "p.yaml", smallPipeline+"export:\n  to: s3://models/elara\n  models: [{model: patient, form: peft}]\n"), nil)
	require.NoError(t, err)
	require.Equal(t, "s3://models/elara", p.Input.Export.To)

	p, err = LoadPipeline(write(t, "p.yaml", smallPipeline), nil)
	require.NoError(t, err)
	require.Zero(t, p.Input.Export, "without the block there is no such stage")
}

func TestBadExportsAreRefusedWithThePlace(t *testing.T) {
	withoutVariables(t)
	const intoBase = "merge:\n  into: base\n  candidates: [{name: a, combination_type: cat, weights: [1, 1]}]\n"
	for block, want := range map[string]string{
		"export:\n  to: out": "p.yaml:19: export.models: missing, expected a list of blocks",
		"export:\n  models: [{model: patient, form: peft}]":                                          `p.yaml:19: export.to: is "", expected a folder or s3://bucket/prefix`,
		"export:\n  to: s3://models\n  models: [{model: patient, form: peft}]":                       `p.yaml:20: export.to: is "s3://models", expected a folder or s3://bucket/prefix`,
		"export:\n  to: hub:a/b\n  models: [{model: patient, form: peft}]":                           "p.yaml:20: export.to: expected a folder or s3://BUCKET/PREFIX; elara export writes to a hub",
		"export:\n  to: out\n  models: [{form: peft}]":                                               "p.yaml:21: export.models[0].model: missing, expected 1-64 of a-z, 0-9 and '-', starting and ending with a letter or digit",
		"export:\n  to: out\n  models: [{model: student, form: hf}]":                                 `p.yaml:21: export.models[0].model: "student" is nothing that this pipeline makes, expected one of its adapters, merged with a block merge or student with a block distill`,
		"export:\n  to: out\n  models: [{model: patient, form: onnx}]":                               `p.yaml:21: export.models[0].form: expected one of gguf, peft, hf, found the text "onnx"`,
		"export:\n  to: out\n  models: [{model: patient, form: gguf}]":                               `p.yaml:21: export.models[0].quant: is "", expected one of [F32 F16 BF16 Q8_0 Q4_0 Q4_K]`,
		"export:\n  to: out\n  models: [{model: patient, form: gguf, quant: Q3_K}]":                  `p.yaml:21: export.models[0].quant: expected one of F32, F16, BF16, Q8_0, Q4_0, Q4_K, found the text "Q3_K"`,
		"export:\n  to: out\n  models: [{model: patient, form: peft, quant: F16}]":                   "p.yaml:21: export.models[0].quant: is F16, but form peft is written as it is: expected none",
		"export:\n  to: out\n  models: [{model: patient, form: hf}]":                                 "p.yaml:21: export.models[0].form: is hf, but patient is an adapter: expected peft or gguf, or a merge into the base",
		"export:\n  to: out\n  models: [{model: patient, form: peft, audience: doctor}]":             "p.yaml:21: export.models[0].audience: is doctor, but patient was taught for [patient]: expected one of them",
		intoBase + "export:\n  to: out\n  models: [{model: merged, form: peft}]":                     "p.yaml:24: export.models[0].form: is peft, but merged is a model: expected hf or gguf",
		intoBase + "export:\n  to: out\n  models: [{model: merged, form: hf}]":                       "p.yaml:24: export.models[0].audience: is not given, but merged was taught for [patient emergency] and has one chat template: expected one of them",
		"export:\n  to: out\n  models: [{model: patient, form: peft}, {model: patient, form: peft}]": "p.yaml:21: export.models[1].model: patient as peft stands there twice",
	} {
		path := write(t, "p.yaml", smallPipeline+block+"\n")
		_, err := LoadPipeline(path, nil)
		refused(t, err, path, want)
	}
}

func TestEveryKeyOfAnExportIsRead(t *testing.T) {
	prove(t, modelKeys(&spec.ModelPlan{}), map[string]any{"model": "a", "form": "gguf"}, func(doc map[string]any) (any, error) {
		reader := &pipelineReader{}
		if doc["model"] == nil {
			doc["model"] = "a"
		}
		err := reader.readModel(0, tree(t, doc, "/d"))
		if err != nil {
			return nil, err
		}
		return reader.pipeline.Input.Export.Models[0], nil
	})
}
