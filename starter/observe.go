package main

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"elara/internal/connect"
	"elara/spec"
	"elara/workflows"
)

// observer looks at one run again and again and puts together what is seen at one moment. Stages come from the
// pipeline's query, steps from the heartbeats of the activities under way, because a query of the training knows
// finished segments only.
type observer struct {
	server client.Client
	run    runInfo
	now    func() time.Time

	adapters map[spec.AdapterName]adapterView // as last seen
	begun    map[spec.AdapterName]mark        // where each training was when it was first seen, for the time left
}

type mark struct {
	step int64
	at   time.Time
}

func newObserver(server client.Client, run runInfo, now func() time.Time) *observer {
	return &observer{
		server: server, run: run, now: now,
		adapters: map[spec.AdapterName]adapterView{}, begun: map[spec.AdapterName]mark{},
	}
}

// look gives the run as it is now.
func (o *observer) look(ctx context.Context) (view, error) {
	described, err := o.server.DescribeWorkflowExecution(ctx, o.run.WorkflowID, o.run.RunID)
	if err != nil {
		return view{}, connect.Fault(err)
	}
	o.run = infoOf(described.GetWorkflowExecutionInfo())
	v := view{Run: o.run.Run, WorkflowID: o.run.WorkflowID, State: o.run.Status, Stage: o.run.Stage, Elapsed: o.run.took(o.now())}
	status, err := askStatus(ctx, o.server, o.run)
	if ctx.Err() != nil {
		return v, context.Cause(ctx)
	}
	if err != nil {
		// Without a worker nothing answers; what the server itself knows is still true and worth showing.
		v.Trouble = oneLine(err)
		return v, nil
	}
	v.Status, v.Stage = status, status.Stage
	for _, adapter := range status.Adapters {
		seen, err := o.adapter(ctx, v, adapter)
		if err != nil {
			return v, err
		}
		o.adapters[adapter.Adapter] = seen
		v.Adapters = append(v.Adapters, seen)
	}
	switch v.Stage {
	case spec.StagePrepare:
		err = o.show(ctx, &v, workflows.PrepareID(status.Run))
	case spec.StagePretrain:
		err = o.show(ctx, &v, workflows.PretrainID(status.Run))
	case spec.StageRLHF:
		err = o.aligning(ctx, &v)
	case spec.StageMerge:
		err = o.show(ctx, &v, workflows.MergeID(status.Run))
	case spec.StageDistill:
		err = o.show(ctx, &v, workflows.DistillID(status.Run))
	case spec.StageEvaluate:
		err = o.show(ctx, &v, workflows.EvaluateID(status.Run))
	case spec.StageExport:
		err = o.show(ctx, &v, workflows.ExportID(status.Run))
	}
	return v, err
}

// adapter looks at one training.
func (o *observer) adapter(ctx context.Context, v view, status spec.AdapterStatus) (adapterView, error) {
	seen := o.adapters[status.Adapter]
	seen.Adapter, seen.TrainRows, seen.EvalRows = status.Adapter, status.TrainRows, status.EvalRows
	seen.Unchanged = skippedReason(v.Status, "train/"+string(status.Adapter))
	if seen.Done || status.WorkflowID == "" {
		return seen, nil
	}
	if seen.Unchanged != "" {
		seen.Done = true
		return seen, nil
	}
	if status.Ref.IsZero() {
		now, err := o.activity(ctx, status.WorkflowID)
		if err != nil {
			return seen, err
		}
		seen.Trouble, seen.Queued = now.trouble, now.queued
		if now.progress.Step >= seen.Progress.Step && now.progress.TotalSteps > 0 {
			seen.Progress = now.progress
			seen.Left = o.left(now.progress)
		}
		return seen, nil
	}
	final, err := o.segments(ctx, status.WorkflowID)
	if err != nil {
		return seen, err
	}
	seen.Done, seen.Queued, seen.Left, seen.Trouble = true, false, 0, ""
	final.TokensPerSecond = seen.Progress.TokensPerSecond // heartbeats know it, the workflow does not
	seen.Progress = final
	return seen, nil
}

// left estimates the time to the end of a training from the steps seen so far; 0 when that is too few to say.
func (o *observer) left(p spec.Progress) time.Duration {
	begun, found := o.begun[p.Adapter]
	if !found {
		o.begun[p.Adapter] = mark{step: p.Step, at: o.now()}
		return 0
	}
	steps := p.Step - begun.step
	if steps <= 0 {
		return 0
	}
	return o.now().Sub(begun.at) / time.Duration(steps) * time.Duration(p.TotalSteps-p.Step)
}

// pending is what the activities that a workflow waits for tell together.
type pending struct {
	progress spec.Progress // the newest heartbeat
	trouble  string        // why one of them is tried again
	queued   bool          // one has not been taken by a worker yet
}

// show adds the activities of a child workflow to the view.
func (o *observer) show(ctx context.Context, v *view, workflowID string) error {
	now, err := o.activity(ctx, workflowID)
	v.add(now)
	return err
}

func (v *view) add(now pending) { v.Now, v.Trouble, v.Queued = now.progress, now.trouble, now.queued }

// activity looks at the activities that a workflow waits for.
func (o *observer) activity(ctx context.Context, workflowID string) (pending, error) {
	described, err := o.describe(ctx, workflowID)
	return pendingOf(described), err
}

// describe asks the server about a workflow; nil: it has not begun, and waits for nothing.
func (o *observer) describe(ctx context.Context, workflowID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	described, err := o.server.DescribeWorkflowExecution(ctx, workflowID, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return nil, nil
	}
	return described, connect.Fault(err)
}

// pendingOf puts together what the activities tell.
func pendingOf(described *workflowservice.DescribeWorkflowExecutionResponse) pending {
	var now pending
	var at time.Time
	for _, activity := range described.GetPendingActivities() {
		if text := troubleOf(activity); text != "" {
			now.trouble = text
		} else if activity.GetState() == enums.PENDING_ACTIVITY_STATE_SCHEDULED {
			now.queued = true
		}
		beat := activity.GetLastHeartbeatTime().AsTime()
		var p spec.Progress
		// A heartbeat of another shape (an activity that reports something else) is no progress.
		if converter.GetDefaultDataConverter().FromPayloads(activity.GetHeartbeatDetails(), &p) != nil || p.Stage == "" {
			continue
		}
		if beat.After(at) {
			now.progress, at = p, beat
		}
	}
	return now
}

// troubleOf says why an activity is tried again.
func troubleOf(activity *workflowpb.PendingActivityInfo) string {
	if activity.GetAttempt() < 2 {
		return ""
	}
	running := activity.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED
	return retryText(activity.GetAttempt(), running, activity.GetLastFailure().GetMessage())
}

// segments asks a training how its last segment ended.
func (o *observer) segments(ctx context.Context, workflowID string) (spec.Progress, error) {
	return connect.Query[spec.Progress](ctx, connect.Workflow{Server: o.server, ID: workflowID, Within: queryWithin}, workflows.ProgressQuery)
}
