// Package retention says what of a store is still needed, and removes the rest: checkpoints of trainings that are over,
// records of stages whose results are gone, and blobs that nothing refers to.
//
// Needed is: every candidate that any channel serves or served, with all that it was made from; what every collection of
// preferences was given and has been told, for a person's word cannot be made anew; what the caller names
// (the artifacts of runs that go on or ended lately, which only Temporal knows); every checkpoint that is left; and the
// artifacts of stage records that are younger than the grace period, or of all of them while a run goes on, because a run
// may be about to use one.
//
// It promises that nothing is removed that is needed, or was written within the grace period, and that a rehearsal names
// exactly what would go. It refuses a grace period of less than two days (see package cas), and a store in which something
// cannot be read that says what is needed.
//
// It must not be used while runs are being started: a run that begins in the same moment may count on an old artifact.
//
//	result, err := retention.Prune(ctx, store, retention.Options{Keep: refs, Live: runs, Grace: 30 * 24 * time.Hour, Now: now, Rehearse: true})
package retention
