// Package workflows tells the story of a run: prepare the rows, train the adapters, evaluate them, ask a human,
// release. One file per stage; names.go holds the public names, ids.go the workflow IDs, options.go the time limits.
//
// The code is deterministic: it reads no clock, no randomness, no environment, and touches no store. All it does
// is call activities (package activities) and child workflows, wait, and answer queries. What travels are references
// and small numbers.
//
// It promises that a run goes on after any crash of server or workers, that no stage starts before its inputs are
// final, and that nothing is released without a decision on exactly that candidate. It refuses a pipeline that could
// not run to its end before anything is done.
//
// Starting one (package starter does this):
//
//	options := client.StartWorkflowOptions{ID: workflows.PipelineID(run), TaskQueue: workflows.ControlQueue}
//	client.ExecuteWorkflow(ctx, options, workflows.PipelineWorkflow, input)
package workflows
