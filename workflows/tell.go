package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// tellsPeople marks the runs that tell people when they ask for one.
const tellsPeople = "tells-people"

const (
	tellWithin = 10 * time.Minute // people are told within this time, or not,
	tellAtOnce = 30 * time.Second // or within this where somebody waits for what comes after
	lastDay    = 24 * time.Hour   // before the time to decide ends people are told again,
	lastShare  = 4                // or when a quarter of it is left, if that is later
)

// tell tells people through the notifier of a worker, beside what the run does: nobody to be told holds nothing up.
func (p *pipeline) tell(ctx workflow.Context, notice spec.Notice) {
	if !knows(ctx, tellsPeople) {
		return
	}
	notice.Run, notice.Channel = p.in.Run, p.in.Release.Channel
	notice.Workflow = workflow.GetInfo(ctx).WorkflowExecution.ID
	p.telling.Add(1)
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer p.telling.Done()
		tellPeople(ctx, notice, tellWithin)
	})
}

// tellPeople waits until people are told, or cannot be within a time: the log is told of that.
func tellPeople(ctx workflow.Context, notice spec.Notice, within time.Duration) {
	var a *activities.Control
	options := quick("tell people: " + string(notice.Kind))
	options.ScheduleToCloseTimeout = within
	if _, err := call(ctx, options, a.Notify, notice); err != nil {
		workflow.GetLogger(ctx).Warn("nobody could be told", "kind", notice.Kind, "trouble", messageOf(err))
	}
}

// remind tells people that the time to decide runs out, unless somebody has decided.
func (p *pipeline) remind(ctx workflow.Context) {
	all := hours(p.in.Approval.TimeoutHours)
	if all == 0 || !knows(ctx, tellsPeople) {
		return
	}
	notice := spec.Notice{Kind: spec.NoticeExpiry, Digest: p.result.Candidate.Digest, Due: workflow.Now(ctx).Add(all).UTC()}
	workflow.Go(ctx, func(ctx workflow.Context) {
		decided, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout:      all - min(lastDay, all/lastShare),
			TimerOptions: workflow.TimerOptions{Summary: "time to remind"},
		}, func() bool { return p.approval.decision.Verdict != "" })
		if err == nil && !decided {
			p.tell(ctx, notice)
		}
	})
}
