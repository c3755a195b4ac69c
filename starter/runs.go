package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/workflows"
)

// runInfo is one run of a pipeline as Temporal lists it.
type runInfo struct {
	Run        spec.RunID `json:"run"`
	WorkflowID string     `json:"workflow_id"`
	RunID      string     `json:"temporal_run_id"`
	Status     string     `json:"status"` // running, completed, failed, cancelled, ...
	Stage      string     `json:"stage,omitempty"`
	Base       string     `json:"base,omitempty"`
	Started    time.Time  `json:"started"`
	Closed     time.Time  `json:"closed,omitzero"`
}

// took is how long the run has taken, up to now when it goes on.
func (r runInfo) took(now time.Time) time.Duration {
	if r.Closed.IsZero() {
		return now.Sub(r.Started)
	}
	return r.Closed.Sub(r.Started)
}

func infoOf(execution *workflowpb.WorkflowExecutionInfo) runInfo {
	info := runInfo{
		Run:        workflows.RunOf(execution.GetExecution().GetWorkflowId()),
		WorkflowID: execution.GetExecution().GetWorkflowId(),
		RunID:      execution.GetExecution().GetRunId(),
		Status:     statusName(execution.GetStatus()),
		Started:    execution.GetStartTime().AsTime(),
	}
	if execution.GetCloseTime() != nil {
		info.Closed = execution.GetCloseTime().AsTime()
	}
	fields := execution.GetSearchAttributes().GetIndexedFields()
	for key, into := range map[temporal.SearchAttributeKeyKeyword]*string{
		workflows.ElaraStage: &info.Stage, workflows.ElaraBaseModel: &info.Base,
	} {
		if payload, found := fields[key.GetName()]; found {
			// An attribute that does not decode stays empty: it is there for the reader's convenience only.
			_ = converter.GetDefaultDataConverter().FromPayload(payload, into)
		}
	}
	return info
}

func statusName(status enums.WorkflowExecutionStatus) string {
	if status == enums.WORKFLOW_EXECUTION_STATUS_CANCELED {
		return cancelled
	}
	return strings.ToLower(status.String())
}

// listRuns gives the newest runs first, at most limit of them.
func listRuns(ctx context.Context, server client.Client, limit int) ([]runInfo, error) {
	var runs []runInfo
	var page []byte
	for {
		answer, err := server.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			PageSize: int32(min(limit, 1000)), NextPageToken: page,
			Query: fmt.Sprintf("WorkflowType = '%s'", workflows.PipelineWorkflow),
		})
		if err != nil {
			return nil, connect.Fault(fmt.Errorf("list the runs: %w", err))
		}
		for _, execution := range answer.GetExecutions() {
			runs = append(runs, infoOf(execution))
			if len(runs) == limit {
				return runs, nil
			}
		}
		if page = answer.GetNextPageToken(); len(page) == 0 {
			return runs, nil
		}
	}
}

// searchedRuns is how many runs are looked at for one that a schedule started, whose workflow ID its run ID does not tell.
const searchedRuns = 1000

// findRun looks a run up by its ID or its workflow ID; an empty name means the newest run.
func findRun(ctx context.Context, server client.Client, name string) (runInfo, error) {
	if name != "" {
		for _, id := range []string{name, workflows.PipelineID(spec.RunID(name))} {
			answer, err := server.DescribeWorkflowExecution(ctx, id, "")
			var missing *serviceerror.NotFound
			if errors.As(err, &missing) {
				continue
			}
			if err != nil {
				return runInfo{}, connect.Fault(fmt.Errorf("look up run %q: %w", name, err))
			}
			if kind := answer.GetWorkflowExecutionInfo().GetType().GetName(); kind != workflows.PipelineWorkflow {
				return runInfo{}, fault.New(fault.Invalid, "%s: expected a run of a pipeline, it is a workflow of type %s", name, kind)
			}
			return infoOf(answer.GetWorkflowExecutionInfo()), nil
		}
	}
	runs, err := listRuns(ctx, server, searchedRuns)
	if err != nil {
		return runInfo{}, err
	}
	for _, run := range runs {
		if name == "" || string(run.Run) == name {
			return run, nil
		}
	}
	if name == "" {
		return runInfo{}, fault.WithHint(fault.New(fault.NotFound, "there is no run yet"), "start one with elara run PIPELINE.yaml")
	}
	return runInfo{}, refuse(fault.NotFound, "elara status lists the runs", "run %q does not exist", name)
}

// askStatus asks a pipeline how far it is. It needs a live worker, also for a run that is over.
func askStatus(ctx context.Context, server client.Client, run runInfo) (spec.PipelineStatus, error) {
	pipeline := connect.Workflow{Server: server, ID: run.WorkflowID, Run: run.RunID, Within: queryWithin}
	status, err := connect.Query[spec.PipelineStatus](ctx, pipeline, workflows.StatusQuery)
	if err != nil {
		return status, fmt.Errorf("ask run %s for its status: %w", run.Run, err)
	}
	return status, nil
}

// queryWithin bounds a query.
const queryWithin = 10 * time.Second
