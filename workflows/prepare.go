package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// Prepare turns the source files into one data set per adapter and a ledger that accounts for every row.
func Prepare(ctx workflow.Context, in spec.PrepareInput) (spec.PrepareResult, error) {
	var a *activities.Control

	sources, err := call(ctx, bulk("collect the source files"), a.CollectSources, in)
	if err != nil {
		return spec.PrepareResult{}, err
	}
	cleaned, err := call(ctx, bulk("clean the rows and keep the ledger"), a.Clean,
		spec.CleanInput{Run: in.Run, Config: in.Config, Sources: sources})
	if err != nil {
		return spec.PrepareResult{}, err
	}
	result := spec.PrepareResult{
		Sources: sources, Cleaned: cleaned.Cleaned,
		Ledger: cleaned.Ledger, RowsRead: cleaned.RowsRead, Unchanged: cleaned.Unchanged,
	}
	workflow.SetCurrentDetails(ctx, ledgerDetails(result))

	for _, plan := range in.Adapters {
		dataset, err := call(ctx, bulk(fmt.Sprintf("data set of %s", plan.Name)), a.Format,
			spec.FormatInput{Run: in.Run, Config: in.Config, Plan: plan, Cleaned: cleaned.Cleaned, Canaries: in.Canaries})
		if err != nil {
			return spec.PrepareResult{}, err
		}
		result.Datasets = append(result.Datasets, dataset)
		workflow.SetCurrentDetails(ctx, ledgerDetails(result))
	}
	return result, nil
}
