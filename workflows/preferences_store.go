package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/spec"
)

// storeTime is when the judgements that wait, of which there are some, are due.
func (c *collection) storeTime() time.Time {
	due := c.Waiting[0].JudgedAt
	if len(c.Waiting) < storeBatch {
		due = due.Add(storeAfter)
	}
	if due.Before(c.StoreAgain) {
		return c.StoreAgain
	}
	return due
}

func (c *collection) storeIsDue(now time.Time) bool {
	return len(c.Waiting) > 0 && !now.Before(c.storeTime())
}

// storeDue brings judgements to the store when there are enough, or one has waited long enough. A store that does not
// take them ends nothing: they are safe in the state, and are brought again later.
func (c *collection) storeDue(ctx workflow.Context) error {
	for c.storeIsDue(workflow.Now(ctx)) {
		err := c.store(ctx, brief("store judgements"))
		if temporal.IsCanceledError(err) {
			return err
		}
		if err != nil {
			c.Trouble = troubleText(err)
			c.StoreAgain = workflow.Now(ctx).UTC().Add(storeRetry)
			workflow.GetLogger(ctx).Warn("judgements wait for the store", "waiting", len(c.Waiting), "trouble", c.Trouble)
		}
	}
	return nil
}

// brief is for calls that the collection waits for and can make again later: a run that cannot turn over grows with every
// judgement, and an import must not keep judgements from the store.
func brief(summary string) workflow.ActivityOptions {
	options := quick(summary)
	options.StartToCloseTimeout = 20 * time.Second
	options.ScheduleToCloseTimeout = time.Minute
	return options
}

// storeAll does not return before all is stored.
func (c *collection) storeAll(ctx workflow.Context) error {
	for len(c.Waiting) > 0 {
		if err := c.store(ctx, bulk("store the last judgements")); err != nil {
			return err
		}
	}
	return nil
}

// store brings the first ones that wait to the store; more may come meanwhile.
func (c *collection) store(ctx workflow.Context, options workflow.ActivityOptions) error {
	var a *activities.Control
	batch := slices.Clone(c.Waiting[:min(len(c.Waiting), storeBatch)])
	stored, err := call(ctx, options, a.StoreJudgements,
		spec.StoreJudgementsInput{Run: c.Run, Pairs: c.Sets, Before: c.Stored, Batch: batch})
	if err != nil {
		return err
	}
	c.Stored = stored
	c.Waiting = slices.Clone(c.Waiting[len(batch):])
	c.Trouble, c.StoreAgain = "", time.Time{}
	return nil
}

// troubleText is the kind of a failure, which holds no text of anybody.
func troubleText(err error) string {
	if kind := kindOf(err); kind != "" {
		return string(kind)
	}
	return "no answer in time"
}

// escalation is when the collection escalates next if nobody judges.
func (c *collection) escalation() time.Time {
	idleSince := c.Began
	if c.LastJudged.After(idleSince) {
		idleSince = c.LastJudged
	}
	return idleSince.Add(hours(float64(c.Level+1) * c.Plan.EscalateHours))
}

// escalateDue tells people when nobody has judged for long, each time anew, and shows it in the list of workflows until
// somebody judges. Nobody to be told is no reason to end: the collection goes on, and shows it all the same.
func (c *collection) escalateDue(ctx workflow.Context) error {
	if c.calmed {
		c.calmed = false
		if err := workflow.UpsertTypedSearchAttributes(ctx, ElaraStage.ValueSet(spec.StagePreferences)); err != nil {
			return err
		}
	}
	if c.Ended != "" || c.Plan.EscalateHours == 0 || workflow.Now(ctx).Before(c.escalation()) {
		return nil
	}
	c.Level++
	c.Escalations++
	if err := workflow.UpsertTypedSearchAttributes(ctx, ElaraStage.ValueSet(spec.StagePreferencesOverdue)); err != nil {
		return err
	}
	options := quick("tell that nobody has judged")
	options.ScheduleToCloseTimeout = 10 * time.Minute
	var a *activities.Control
	_, err := call(ctx, options, a.Escalate, spec.Escalation{
		Run: c.Run, Name: c.Name, Level: c.Level, IdleHours: float64(c.Level) * c.Plan.EscalateHours,
		Judged: c.Judged, Wanted: c.wanted(), Deadline: c.Plan.Deadline,
	})
	if temporal.IsCanceledError(err) {
		return err
	}
	if err != nil {
		workflow.GetLogger(ctx).Warn("nobody could be told", "level", c.Level, "trouble", troubleText(err))
	}
	return nil
}
