package spec

import (
	"fmt"
	"slices"
	"strings"

	"elara/spec/fault"
)

// StageExport stands behind StageRelease in a pipeline that has it.
const StageExport = "export"

// KindExport is a model or an adapter in a form that other programs run, with elara.json, which says what it is.
const KindExport ArtifactKind = "export"

// ExportForm is what an export consists of.
type ExportForm string

const (
	FormGGUF ExportForm = "gguf" // a GGUF file and a Modelfile
	FormPEFT ExportForm = "peft" // an adapter's folder, as PEFT loads it
	FormHF   ExportForm = "hf"   // a model's folder, as transformers loads it
)

// ExportForms lists all of them.
func ExportForms() []ExportForm { return []ExportForm{FormGGUF, FormPEFT, FormHF} }

// Quantisations lists the types in which GGUF files are written, as llama-quantize names them.
func Quantisations() []string { return []string{"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K"} }

// ExportPlan is what a pipeline writes for other programs once its candidate is released. The zero plan is a pipeline without that
// stage.
type ExportPlan struct {
	To     string      `json:"to"`     // folder of the worker that serves the control queue, or s3://bucket/prefix; each export gets a folder of its own below
	Models []ModelPlan `json:"models"` // in the order of the file
}

// ModelPlan is one export.
type ModelPlan struct {
	Model    AdapterName `json:"model"` // an adapter of the pipeline, ModelMerged or ModelStudent
	Form     ExportForm  `json:"form"`
	Quant    string      `json:"quant,omitempty"`    // of FormGGUF
	Audience Audience    `json:"audience,omitempty"` // whose chat template is written; empty: the one that it was taught for
}

// String names the export for people.
func (p ModelPlan) String() string {
	if p.Quant != "" {
		return fmt.Sprintf("%s as %s %s", p.Model, p.Form, p.Quant)
	}
	return fmt.Sprintf("%s as %s", p.Model, p.Form)
}

// IsZero reports whether the pipeline has no such stage.
func (p ExportPlan) IsZero() bool { return len(p.Models) == 0 }

// S3Place splits s3://bucket/prefix; isS3 is false where a text is no such place.
func S3Place(to string) (bucket, prefix string, isS3 bool) {
	place, isS3 := strings.CutPrefix(to, "s3://")
	bucket, prefix, _ = strings.Cut(place, "/")
	return bucket, strings.TrimSuffix(prefix, "/"), isS3
}

// CheckExport refuses exports of what the pipeline does not make, or not in that form. It returns the key with what is wrong of it.
func (in PipelineInput) CheckExport() (key string, err error) {
	if in.Export.IsZero() {
		return "", nil
	}
	if bucket, prefix, isS3 := S3Place(in.Export.To); in.Export.To == "" || isS3 && (bucket == "" || prefix == "") {
		return "to", fault.New(fault.Invalid, "is %q, expected a folder or s3://bucket/prefix", in.Export.To)
	}
	if err := in.refuseNames(ModelMerged, ModelStudent); err != nil {
		return "models", err
	}
	for i, p := range in.Export.Models {
		at := fmt.Sprintf("models[%d].", i)
		if key, err := in.checkModel(p); err != nil {
			return at + key, err
		}
		if slices.Contains(in.Export.Models[:i], p) {
			return at + "model", fault.New(fault.Invalid, "%s stands there twice", p)
		}
	}
	return "", nil
}

// checkModel checks one export against what the pipeline makes.
func (in PipelineInput) checkModel(p ModelPlan) (key string, err error) {
	wrong := func(key, format string, args ...any) (string, error) {
		return key, fault.New(fault.Invalid, format, args...)
	}
	isAdapter := true
	taught := []AdapterName{p.Model}
	switch p.Model {
	case ModelMerged:
		isAdapter, taught = in.Merge.Into == IntoAdapter, in.Merge.Adapters
	case ModelStudent:
		isAdapter, taught = false, in.Distill.Adapters
	}
	var audiences []Audience
	for _, plan := range in.Adapters {
		if slices.Contains(taught, plan.Name) && !slices.Contains(audiences, plan.Audience) {
			audiences = append(audiences, plan.Audience)
		}
	}
	switch {
	case len(audiences) == 0:
		return wrong("model", "%q is nothing that this pipeline makes, expected one of its adapters, %s with a block merge or %s with a block distill", string(p.Model), ModelMerged, ModelStudent)
	case !slices.Contains(ExportForms(), p.Form):
		return wrong("form", "is %q, expected one of %v", string(p.Form), ExportForms())
	case p.Form == FormPEFT && !isAdapter:
		return wrong("form", "is %s, but %s is a model: expected %s or %s", FormPEFT, p.Model, FormHF, FormGGUF)
	case p.Form == FormHF && isAdapter:
		return wrong("form", "is %s, but %s is an adapter: expected %s or %s, or a merge into the base", FormHF, p.Model, FormPEFT, FormGGUF)
	case p.Form == FormGGUF && !slices.Contains(Quantisations(), p.Quant):
		return wrong("quant", "is %q, expected one of %v", p.Quant, Quantisations())
	case p.Form != FormGGUF && p.Quant != "":
		return wrong("quant", "is %s, but form %s is written as it is: expected none", p.Quant, p.Form)
	case p.Audience == "" && len(audiences) > 1:
		return wrong("audience", "is not given, but %s was taught for %v and has one chat template: expected one of them", p.Model, audiences)
	case p.Audience != "" && !slices.Contains(audiences, p.Audience):
		return wrong("audience", "is %s, but %s was taught for %v: expected one of them", p.Audience, p.Model, audiences)
	}
	return "", nil
}

// ExportInput asks for one export.
type ExportInput struct {
	Run      RunID       `json:"run"`
	Pipeline string      `json:"pipeline"` // its name, of which the export's is made
	To       string      `json:"to"`
	Plan     ModelPlan   `json:"plan"`
	Artifact ArtifactRef `json:"artifact"`      // an adapter or a base model
	Base     ArtifactRef `json:"base,omitzero"` // of an adapter
}

// Name is that of the exported model, without a run in it: the same model gives the same bytes, whenever it is exported.
func (in ExportInput) Name() string { return in.Pipeline + "-" + string(in.Plan.Model) }

// DeliverInput asks to lay an export down where the plan wants it.
type DeliverInput struct {
	ExportInput
	Export ArtifactRef `json:"export"`
}

// ExportsInput is the input of the workflow that writes the exports of a run.
type ExportsInput struct {
	Run     RunID         `json:"run"`
	Exports []ExportInput `json:"exports"`
}

// ExportsResult is what was exported, in the order of the plan.
type ExportsResult struct {
	Exports []Exported `json:"exports"`
}

// Exported is one export.
type Exported struct {
	Plan  ModelPlan   `json:"plan"`
	Ref   ArtifactRef `json:"ref"`
	Place string      `json:"place"` // folder or s3://bucket/prefix that holds its files
	Sent  int         `json:"sent"`  // files that were not there already
	// Unchanged says why nothing was written; empty: something was.
	Unchanged string `json:"unchanged,omitempty"`
}

// ExportStatus is the export of a pipeline that is under way.
type ExportStatus struct {
	WorkflowID string     `json:"workflow_id"`
	Models     int        `json:"models"`            // of the plan
	Exports    []Exported `json:"exports,omitempty"` // set when all are written
}
