package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// Export writes models in forms that other programs run, and lays each where it is wanted. What was written before is not written
// again, and what lies there already is not sent.
func Export(ctx workflow.Context, in spec.ExportsInput) (spec.ExportsResult, error) {
	var a *activities.Control
	var result spec.ExportsResult
	for _, one := range in.Exports {
		written, err := call(ctx, bulk(fmt.Sprintf("write %s", one.Plan)), a.WriteExport, one)
		if err != nil {
			return result, err
		}
		delivered, err := call(ctx, bulk(fmt.Sprintf("lay down %s", one.Plan)), a.DeliverExport, spec.DeliverInput{ExportInput: one, Export: written.Ref})
		if err != nil {
			return result, err
		}
		if delivered.Sent == 0 {
			delivered.Unchanged = written.Unchanged
		}
		result.Exports = append(result.Exports, delivered)
		workflow.SetCurrentDetails(ctx, exportDetails(result.Exports))
	}
	return result, nil
}

// exportDetails lists exports for the Temporal UI.
func exportDetails(exports []spec.Exported) string {
	var b strings.Builder
	b.WriteString("| export | where | artifact |\n|---|---|---|\n")
	for _, e := range exports {
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", e.Plan, e.Place, e.Ref.Digest.Short())
	}
	return b.String()
}

// export writes what was released for other programs, where the pipeline has that stage. What nobody has approved is not exported.
func (p *pipeline) export(ctx workflow.Context) error {
	plan := p.in.Export
	if plan.IsZero() {
		return nil
	}
	if p.result.Release.Current != p.result.Candidate.Digest { // rejected, refused, or taken back
		p.skipped(spec.StageExport, "nothing was released")
		return nil
	}
	p.exporting = &spec.ExportStatus{WorkflowID: ExportID(p.in.Run), Models: len(plan.Models)}
	if err := p.enter(ctx, spec.StageExport); err != nil {
		return err
	}
	in := spec.ExportsInput{Run: p.in.Run}
	for _, model := range plan.Models {
		one := spec.ExportInput{Run: p.in.Run, Pipeline: p.in.Name, To: plan.To, Plan: model}
		one.Artifact, one.Base = p.made(model.Model)
		in.Exports = append(in.Exports, one)
	}
	exported, err := start(ctx, part(p.exporting.WorkflowID, fmt.Sprintf("%s: export %d models", p.in.Name, len(in.Exports)), "",
		ElaraStage.ValueSet(spec.StageExport), ElaraBaseModel.ValueSet(baseName(p.in.Base)),
	), Export, in).result(ctx)
	if err != nil {
		return err
	}
	p.result.Export = &exported
	p.exporting.Exports = exported.Exports
	for _, e := range exported.Exports {
		p.skipped(fmt.Sprintf("export/%s", e.Plan), e.Unchanged)
	}
	return nil
}
