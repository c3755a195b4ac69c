package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"elara/activities"
	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
)

// PreferencesState is the input of a collection and all that it carries from one of its runs to the next. It holds digests,
// names and letters; texts of pairs and of reviewers lie in the store. Who starts a collection sets the input alone.
type PreferencesState struct {
	spec.PreferencesInput
	Began       time.Time                `json:"began,omitzero"` // zero until the pairs are there
	Sets        []spec.ArtifactRef       `json:"sets,omitempty"` // that hold pairs of it
	Digests     spec.PairDigests         `json:"digests,omitempty"`
	Reviewers   []PreferencesReviewer    `json:"reviewers,omitempty"` // in the order in which they came
	Judged      int64                    `json:"judged,omitempty"`
	LastJudged  time.Time                `json:"last_judged,omitzero"`
	Waiting     []spec.RecordedJudgement `json:"waiting,omitempty"` // recorded, and not in the store yet
	Stored      spec.StoredJudgements    `json:"stored"`
	StoreAgain  time.Time                `json:"store_again,omitzero"` // the store did not take them; not before this
	Trouble     string                   `json:"trouble,omitempty"`    // why
	Level       int                      `json:"level,omitempty"`      // escalations since the last judgement
	Escalations int                      `json:"escalations,omitempty"`
	Imports     []spec.ImportRequest     `json:"imports,omitempty"`     // to be done
	ImportAgain time.Time                `json:"import_again,omitzero"` // the store did not give one; not before this
	Imported    []spec.ImportReport      `json:"imported,omitempty"`    // the last ones
	Ended       spec.EndReason           `json:"ended,omitempty"`
	Closed      spec.CloseRequest        `json:"closed,omitzero"`
}

// PreferencesReviewer is what a reviewer has said.
type PreferencesReviewer struct {
	Name  string           `json:"name"`
	Marks preference.Marks `json:"marks"`
	// First and Second count judgements for the answer that was shown first, and second.
	First  int64 `json:"first,omitempty"`
	Second int64 `json:"second,omitempty"`
}

const (
	// judgementsPerRun bounds the history of one run: each is five events at most, and the server takes 2,000 Updates.
	judgementsPerRun = 250
	// eventsPerRun is for all else that makes events; the server warns at 10,240.
	eventsPerRun = 8000
	// storeBatch is how many judgements go to the store together, storeAfter for how long one waits at most. What waits is
	// in Temporal's history; the reviewers' words stay in the store without a reference for that long.
	storeBatch = 100
	storeAfter = 10 * time.Minute
	// storeRetry is when a store is asked again that did not take a batch, or give an import.
	storeRetry = 2 * time.Minute
	// maxWaiting is when judgements are refused because the store does not take them: they would outgrow the state.
	maxWaiting = 1000
	// maxSets and maxImports bound the artifacts that hold pairs, and those that wait to be imported.
	maxSets    = 500
	maxImports = 200
	// importsKept is how many reports of imports are shown and carried along.
	importsKept = 20
)

// CollectPreferences asks people which of two answers is better, for weeks if need be, and holds nothing but its state
// meanwhile. A judgement counts from the moment its Update is answered.
func CollectPreferences(ctx workflow.Context, state PreferencesState) (spec.PreferencesResult, error) {
	c := newCollection(ctx, &state)
	if err := c.listen(ctx); err != nil {
		return spec.PreferencesResult{}, err
	}
	result, err := c.run(ctx)
	if temporal.IsCanceledError(err) {
		// Nobody's word is lost with the collection: what waits is stored before it ends, and no more is taken.
		if c.Ended == "" {
			c.Ended = spec.EndCancelled
		}
		ctx, release := workflow.NewDisconnectedContext(ctx)
		defer release()
		if storeErr := c.storeAll(ctx); storeErr != nil {
			return result, storeErr
		}
	}
	return result, err
}

func (c *collection) run(ctx workflow.Context) (spec.PreferencesResult, error) {
	if err := c.collect(ctx); err != nil {
		return spec.PreferencesResult{}, err
	}
	return c.finish(ctx)
}

// collect returns nil when the collection has ended.
func (c *collection) collect(ctx workflow.Context) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	for {
		c.endAtDeadline(ctx) // an import that comes after it is late
		if err := c.importAll(ctx); err != nil {
			return err
		}
		if err := c.storeDue(ctx); err != nil {
			return err
		}
		if err := c.escalateDue(ctx); err != nil {
			return err
		}
		c.endAtDeadline(ctx)
		workflow.SetCurrentDetails(ctx, preferencesDetails(c.status()))
		if c.Ended != "" {
			return nil
		}
		if c.turnDue(ctx) {
			return c.turn(ctx)
		}
		if err := c.rest(ctx); err != nil {
			return err
		}
	}
}

// open takes the pairs in, in the first run of the workflow.
func (c *collection) open(ctx workflow.Context) error {
	if !c.Began.IsZero() {
		return nil
	}
	if err := c.PreferencesInput.Check(); err != nil {
		return refuse(fault.KindOf(err), "%s", err.Error())
	}
	var a *activities.Control
	options := bulk("read the pairs")
	// The store holds another collection of this name, for good.
	options.RetryPolicy.NonRetryableErrorTypes = append(options.RetryPolicy.NonRetryableErrorTypes, string(fault.Conflict))
	set, err := call(ctx, options, a.OpenPreferences, c.PreferencesInput)
	if err != nil {
		return err
	}
	c.addSet(set)
	c.Began = workflow.Now(ctx).UTC()
	return workflow.UpsertTypedSearchAttributes(ctx, ElaraStage.ValueSet(spec.StagePreferences))
}

// rest waits for something to do. Its timer is set anew when the first judgement of a batch arrives, not for every one.
func (c *collection) rest(ctx workflow.Context) error {
	storing := len(c.Waiting) > 0
	ready := func() bool {
		return c.Ended != "" || c.imports.Len() > 0 || c.mayImport(ctx) || c.turnDue(ctx) ||
			len(c.Waiting) > 0 && !storing || c.storeIsDue(workflow.Now(ctx))
	}
	wake, some := c.wake(workflow.Now(ctx))
	if !some {
		return workflow.Await(ctx, ready)
	}
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout: max(wake.Sub(workflow.Now(ctx)), time.Second), TimerOptions: workflow.TimerOptions{Summary: "next thing to do"},
	}, ready)
	return err
}

// wake is when the next thing is due by the clock.
func (c *collection) wake(now time.Time) (at time.Time, some bool) {
	sooner := func(t time.Time) {
		if !some || t.Before(at) {
			at, some = t, true
		}
	}
	if !c.Plan.Deadline.IsZero() {
		sooner(c.Plan.Deadline)
	}
	if c.Plan.EscalateHours > 0 {
		sooner(c.escalation())
	}
	if len(c.Waiting) > 0 {
		sooner(c.storeTime())
	}
	if len(c.Imports) > 0 && c.ImportAgain.After(now) {
		sooner(c.ImportAgain)
	}
	return at, some
}

func (c *collection) endAtDeadline(ctx workflow.Context) {
	if c.Ended == "" && c.late(ctx) {
		c.Ended = spec.EndDeadline
	}
}

func (c *collection) late(ctx workflow.Context) bool {
	return !c.Plan.Deadline.IsZero() && !workflow.Now(ctx).Before(c.Plan.Deadline)
}

// turnDue reports that this run of the workflow has grown long enough.
func (c *collection) turnDue(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return c.judgedHere >= judgementsPerRun || info.GetCurrentHistoryLength() >= eventsPerRun || info.GetContinueAsNewSuggested()
}

// turn goes on in a new run with all that this one knows: no answer is owed to a reviewer, and no Signal is left behind.
func (c *collection) turn(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	c.receive()
	return workflow.NewContinueAsNewError(ctx, CollectPreferences, *c.PreferencesState)
}

// finish stores what waits, and makes the result. Imports that come from now on are told that they are late.
func (c *collection) finish(ctx workflow.Context) (spec.PreferencesResult, error) {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return spec.PreferencesResult{}, err
	}
	if err := c.storeAll(ctx); err != nil {
		return spec.PreferencesResult{}, err
	}
	var a *activities.Control
	compiled, err := call(ctx, bulk("put the judgements together"), a.CompilePreferences,
		spec.CompileInput{Run: c.Run, Name: c.Name, Pairs: c.Sets, Stored: c.Stored, Judged: c.Judged})
	if err != nil {
		return spec.PreferencesResult{}, err
	}
	c.result = compiled.Ref
	if err := c.importAll(ctx); err != nil {
		return spec.PreferencesResult{}, err
	}
	workflow.SetCurrentDetails(ctx, preferencesDetails(c.status()))
	err = workflow.UpsertTypedSearchAttributes(ctx, ElaraStage.ValueSet(spec.StageDone))
	return spec.PreferencesResult{
		Run: c.Run, Ended: c.Ended, Closed: c.Closed, Judged: c.Judged, Stored: c.Stored, Preferences: compiled, Imports: c.Imported,
	}, err
}
