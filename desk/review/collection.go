package review

import (
	"context"
	"fmt"
	"strings"
	"time"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/workflows"
)

// Open gives how far each collection is that takes judgements, the newest first.
func (c *Client) Open(ctx context.Context) ([]spec.PreferencesStatus, error) {
	ids, err := c.running(ctx, workflows.PreferencesWorkflow, "")
	if err != nil {
		return nil, err
	}
	var all []spec.PreferencesStatus
	for _, id := range ids {
		status, _, err := c.status(ctx, spec.RunID(strings.TrimPrefix(id, workflows.PreferencesID(""))))
		if err != nil {
			return nil, err
		}
		if status.Open {
			all = append(all, status)
		}
	}
	return all, nil
}

// Status tells how far a collection is, and how far its reviewers agree.
func (c *Client) Status(ctx context.Context, run spec.RunID) (spec.PreferencesStatus, spec.AgreementResult, error) {
	status, id, err := c.status(ctx, run)
	if err != nil {
		return status, spec.AgreementResult{}, err
	}
	agreement, err := ask[spec.AgreementResult](ctx, c, id, workflows.AgreementQuery)
	return status, agreement, err
}

func (c *Client) status(ctx context.Context, run spec.RunID) (status spec.PreferencesStatus, id string, err error) {
	if err := run.Check(); err != nil {
		return status, "", err
	}
	id = workflows.PreferencesID(run)
	status, err = ask[spec.PreferencesStatus](ctx, c, id, workflows.StatusQuery)
	return status, id, ofCollection(run, err)
}

// ofCollection says which collection was meant when there is none of that name.
func ofCollection(run spec.RunID, err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "collection %q does not exist", run)
	}
	return err
}

// Shown is a pair as a reviewer sees it: blind, and in the order that the collection drew.
type Shown struct {
	spec.NextPair
	Prompt []preference.Message
	A, B   string
}

// Next gives the pair that a reviewer should look at. Its Pair is empty when there is none left.
func (c *Client) Next(ctx context.Context, run spec.RunID, reviewer string) (Shown, error) {
	var shown Shown
	if err := run.Check(); err != nil {
		return shown, err
	}
	var err error
	shown.NextPair, err = ask[spec.NextPair](ctx, c, workflows.PreferencesID(run), workflows.NextPairQuery, reviewer)
	if err != nil || shown.Pair == "" {
		return shown, ofCollection(run, err)
	}
	pair, err := c.pairs.find(ctx, shown.Pair, func() ([]spec.ArtifactRef, error) {
		status, _, err := c.status(ctx, run)
		return status.Sets, err
	})
	if err != nil {
		return shown, err
	}
	if shown.First == spec.PrefersB {
		pair = pair.Swapped()
	}
	shown.Prompt, shown.A, shown.B = pair.Prompt.Chat(), pair.ResponseA, pair.ResponseB
	return shown, nil
}

// Judge records a judgement with the reviewer's words. The answer means that it is kept; JudgedAt is zero where the same had
// been said before.
func (c *Client) Judge(ctx context.Context, j spec.Judgement, words string) (spec.RecordedJudgement, error) {
	if err := j.Check(); err != nil {
		return spec.RecordedJudgement{}, err
	}
	if len(words) > spec.MaxReason {
		return spec.RecordedJudgement{}, fault.New(fault.Invalid, "a reason of %d bytes: expected at most %d", len(words), spec.MaxReason)
	}
	if words != "" {
		blob, err := cas.PutBytes(ctx, c.store, []byte(words))
		if err != nil {
			return spec.RecordedJudgement{}, fmt.Errorf("store the reason: %w", err)
		}
		j.Reason = blob.Digest
	}
	recorded, err := tell[spec.RecordedJudgement](ctx, c, workflows.PreferencesID(j.Collection), workflows.JudgeUpdate, j)
	if fault.Is(err, fault.NotFound) {
		return c.kept(ctx, j, err)
	}
	return recorded, err
}

// kept finds a judgement in a collection that is over: who had no answer to the last one and repeats it must hear that it is
// kept. What was not said before is refused as it was.
func (c *Client) kept(ctx context.Context, j spec.Judgement, refused error) (none spec.RecordedJudgement, err error) {
	status, _, err := c.status(ctx, j.Collection)
	if err != nil {
		return none, err
	}
	if status.Open {
		return none, refused
	}
	held, found, err := Kept(ctx, c.store, status, j)
	if err == nil && !found {
		err = fault.New(fault.Conflict, "collection %s is over: %s", j.Collection, status.Ended)
	}
	return held, err
}

// Kept finds a judgement that is said again among those of a collection that is over. It gives what the workflow, while it
// went on, answered to that: without the reason and the time, since those of the first one stand.
func Kept(
	ctx context.Context, store storage.Store, over spec.PreferencesStatus, j spec.Judgement,
) (kept spec.RecordedJudgement, found bool, err error) {
	batches, err := artifact.ReadChain(ctx, store, over.Stored.Head, preference.JudgementsFile)
	if err != nil {
		return kept, false, err
	}
	judged, err := preference.ReadBatches(batches)
	if err != nil {
		return kept, false, err
	}
	for _, held := range judged {
		if held.Pair == j.Pair && held.Reviewer == j.Reviewer && held.Outcome == j.Choice.Outcome(held.First) {
			kept = held.RecordedJudgement
			kept.Reason, kept.JudgedAt = "", time.Time{}
			return kept, true, nil
		}
	}
	return kept, false, nil
}
