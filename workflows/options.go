package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"elara/spec"
	"elara/spec/fault"
)

// heartbeatTimeout is how long an activity may be silent before it counts as dead. It is well above a restart of the
// server, which would otherwise end every step under way, and is what a killed worker costs a run at most, together
// with one retry interval.
const heartbeatTimeout = 90 * time.Second

// retryPolicy tries again without end: a run outlives outages of days. What trying again cannot help is listed here
// and, for kinds that deserve a few tries, ended by package activities. The first interval is longer than the time
// between two heartbeats that package serve sets, so an attempt that was given up has heard of it when the next begins.
func retryPolicy() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:    20 * time.Second,
		BackoffCoefficient: 2,
		MaximumInterval:    5 * time.Minute,
		NonRetryableErrorTypes: []string{
			string(fault.Invalid), string(fault.NotFound), string(fault.Corrupt), string(fault.Diverged),
		},
	}
}

// quick is for activities that read or write a few small objects.
func quick(summary string) workflow.ActivityOptions {
	policy := retryPolicy()
	policy.InitialInterval = time.Second // bounded by StartToCloseTimeout instead of heartbeats, and safe to overlap
	return workflow.ActivityOptions{
		StartToCloseTimeout: 2 * time.Minute,
		RetryPolicy:         policy,
		Summary:             summary,
	}
}

// bulk is for activities that read, hash or write whole data sets and models.
func bulk(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: 6 * time.Hour,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy:         retryPolicy(),
		Summary:             summary,
	}
}

// device is for activities that hold a device. They may wait in the queue as long as it takes, and are given the
// time to save what they have when they are cancelled.
func device(queue, summary string) workflow.ActivityOptions {
	options := bulk(summary)
	options.TaskQueue = queue
	options.StartToCloseTimeout = 24 * time.Hour
	options.DisableEagerExecution = true
	return options
}

// part is for the child workflow of a stage. When its parent is ended from outside, it is asked to stop, so that a
// training saves first.
func part(id, summary, details string, attributes ...temporal.SearchAttributeUpdate) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		WaitForCancellation:   true,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		TypedSearchAttributes: temporal.NewSearchAttributes(attributes...),
		StaticSummary:         summary,
		StaticDetails:         details,
	}
}

// PriorityOf is how early the tasks of a run in this lane are taken from every queue: its children and activities inherit it.
// A smaller key comes first; Temporal's own default is 3.
func PriorityOf(lane string) temporal.Priority {
	if lane == spec.LaneEmergency {
		return temporal.Priority{PriorityKey: 1}
	}
	return temporal.Priority{}
}
