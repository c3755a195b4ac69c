package configs

import (
	"errors"
	"strings"

	"elara/spec"
)

// exportKeys is the table of the block export of a pipeline file. Whether the block is there decides whether the pipeline has the
// stage, so that nothing in it is required by the table.
func (r *pipelineReader) exportKeys() *section {
	p := &r.pipeline.Input.Export
	return &section{keys: []key{
		exportPlace(&p.To),
		blocks("models", modelKeys(&spec.ModelPlan{}), r.readModel, "What is written, once the candidate is released. A block without it is an error.").showDefault("none: no such stage"),
	}}
}

// exportPlace is a folder, or a prefix in a bucket.
func exportPlace(target *string) key {
	k := path("to", target, "", "Folder of the machine whose worker serves the control queue, or s3://BUCKET/PREFIX on the store's own endpoint. Each export gets a folder of its own below, named by its content: none is ever replaced.")
	read := k.set
	k.set = func(n *node) error {
		if strings.HasPrefix(n.text, "hub:") {
			return errors.New("expected a folder or s3://BUCKET/PREFIX; elara export writes to a hub")
		}
		if _, _, isS3 := spec.S3Place(n.text); !isS3 {
			return read(n)
		}
		value, err := n.line(k)
		*target = value
		return err
	}
	return k
}

// modelKeys is the table of one entry of export.models.
func modelKeys(m *spec.ModelPlan) *section {
	return &section{keys: []key{
		text("model", &m.Model, "", identifier(), "An adapter of this file, merged (of the block merge) or student (of the block distill).").require(),
		choice("form", &m.Form, "", spec.ExportForms(), "gguf: a GGUF file and Ollama's Modelfile, an adapter added to its base; peft: an adapter's folder; hf: a model's folder.").require(),
		choice("quant", &m.Quant, "", spec.Quantisations(), "Type of a GGUF file, as llama-quantize names it.").showDefault("none: required there, refused elsewhere"),
		choice("audience", &m.Audience, "", spec.Audiences(), "Whose chat template is written.").showDefault("the one that it was taught for"),
	}}
}

// readModel reads one entry of export.models. What must fit the pipeline is checked when all of it is known.
func (r *pipelineReader) readModel(index int, n *node) error {
	var m spec.ModelPlan
	if err := modelKeys(&m).decode(n, listPath("export.models", index)); err != nil {
		return err
	}
	r.pipeline.Input.Export.Models = append(r.pipeline.Input.Export.Models, m)
	return nil
}

// settleExport refuses what the pipeline does not make, and leaves the zero plan where the file has no such block.
func (r *pipelineReader) settleExport(tree *node) error {
	in := &r.pipeline.Input
	block := tree.get("export")
	if block == nil {
		in.Export = spec.ExportPlan{}
		return nil
	}
	if len(in.Export.Models) == 0 {
		return block.origin.errorf("export.models: missing, expected a list of blocks")
	}
	if key, err := in.CheckExport(); err != nil {
		return block.placeOf("models", key).errorf("export.%s: %w", key, err)
	}
	return nil
}
