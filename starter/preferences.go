package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"elara/data/preference"
	"elara/desk/review"
	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/workflows"
)

func newPreferences(a *app) *cobra.Command {
	command := &cobra.Command{
		Use:   "preferences",
		Short: "Ask people which of two answers is better, and use what they say",
		Long: `A collection of preferences is a set of pairs: a prompt with two answers. Reviewers
judge them blind, in an order that is drawn for each pair and reviewer: A, B, tie or
both_bad. A judgement counts from the moment it is answered, whatever dies afterwards;
the first one of a reviewer about a pair stands. A collection waits for weeks if need be
and ends when every pair has its judgements, at a total, at a deadline, or when it is
closed. What it came to goes out in TRL's form.`,
		Example: `  elara preferences start pairs.jsonl --id cough --per-pair 3 --deadline 336h
  elara preferences next cough --as "Person A"
  elara preferences judge cough 1f0c5d2a9b3e A --as "Person A"
  elara preferences export cough preferences.parquet`,
	}
	return group(command,
		newPreferencesStart(a), newPreferencesNext(a), newPreferencesJudge(a), newPreferencesStatus(a),
		newPreferencesImport(a), newPreferencesExport(a), newPreferencesClose(a),
	)
}

// withCollection connects to Temporal for a verb about the collection that the first argument names.
func (a *app) withCollection(cmd *cobra.Command, args []string, use func(context.Context, target, client.Client, spec.RunID) error) error {
	run := spec.RunID(args[0])
	if err := run.Check(); err != nil {
		return err
	}
	return a.withServer(cmd, func(ctx context.Context, t target, server client.Client) error { return use(ctx, t, server, run) })
}

// askCollection puts a query to a collection.
func askCollection[Out any](ctx context.Context, server client.Client, run spec.RunID, query string, args ...any) (Out, error) {
	collection := connect.Workflow{Server: server, ID: workflows.PreferencesID(run), Within: queryWithin}
	out, err := connect.Query[Out](ctx, collection, query, args...)
	return out, ofCollection(run, err)
}

// ofCollection says which collection was meant when there is none of that name.
func ofCollection(run spec.RunID, err error) error {
	if fault.Is(err, fault.NotFound) {
		return refuse(fault.NotFound, "elara preferences status lists them", "collection %q does not exist", run)
	}
	return err
}

// tellCollection sends an Update and gives back its answer. A refusal is a refusedError in the workflow's words.
func tellCollection[Out any](ctx context.Context, server client.Client, run spec.RunID, update string, argument any) (Out, error) {
	collection := connect.Workflow{Server: server, ID: workflows.PreferencesID(run), Within: decideWithin}
	out, err := connect.Update[Out](ctx, collection, update, argument)
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return out, overOrMissing(ctx, server, run)
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.Conflict:
		return out, refusedError{err}
	}
	return out, err
}

// overOrMissing tells a collection that takes no more from one that never was.
func overOrMissing(ctx context.Context, server client.Client, run spec.RunID) error {
	status, err := askCollection[spec.PreferencesStatus](ctx, server, run, workflows.StatusQuery)
	if err != nil {
		return err
	}
	return overError{refuse(fault.Conflict, "", "collection %s is over: %s", run, status.Ended), status}
}

// overError is the refusal of a collection whose workflow has come to its end.
type overError struct {
	error
	status spec.PreferencesStatus
}

func (e overError) Unwrap() error { return e.error }

// pairsOf reads the pairs of a collection, in the order of their numbers.
func pairsOf(ctx context.Context, store storage.Store, sets []spec.ArtifactRef) ([]preference.Pair, error) {
	var all [][]preference.Pair
	for _, ref := range sets {
		set, err := review.ReadPairs(ctx, store, ref)
		if err != nil {
			return nil, err
		}
		all = append(all, set)
	}
	return preference.Union(all...), nil
}

// pairNamed finds a pair by its digest, or by the first digits of it.
func pairNamed(pairs []preference.Pair, digits string) (number int, pair preference.Pair, err error) {
	if len(digits) < shortest {
		return 0, pair, fault.New(fault.Invalid, "pair %q: expected the digest that elara preferences next shows, or its first %d digits or more", digits, shortest)
	}
	for i, candidate := range pairs {
		if !strings.HasPrefix(string(candidate.Digest()), digits) {
			continue
		}
		if number > 0 {
			return 0, pair, fault.New(fault.Invalid, "pair %s: several pairs begin with it, expected more digits", digits)
		}
		number, pair = i+1, candidate
	}
	if number == 0 {
		return 0, pair, refuse(fault.NotFound, "", "no pair of the collection has a digest that begins with %s", digits)
	}
	return number, pair, nil
}
