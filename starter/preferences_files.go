package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"elara/data/preference"
	"elara/data/trl"
	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/workflows"
)

func newPreferencesImport(a *app) *cobra.Command {
	var as string
	var asJSON bool
	command := &cobra.Command{
		Use:   "import COLLECTION FILE --as NAME",
		Short: "Add preferences that were collected elsewhere, in TRL's form",
		Long: `Read prompt, chosen and rejected from a JSONL or Parquet file, as texts or as chat
messages, and add each row to the collection as a judgement under a name. Pairs that the
collection does not have join it. A row that says nothing (chosen = rejected, an empty
text, roles out of order) ends the import before anything is sent, with file and line.

Exit codes: 0 every row is accounted for; 2 a row is not right, or the collection takes
none; 1 anything else.`,
		Example: `  elara preferences import cough old.jsonl --as "ward 7, 2025"
  elara preferences import cough ultrafeedback.parquet --as UltraFeedback --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := spec.CheckReviewer(as); err != nil {
				return fault.New(fault.Invalid, "--as: %w", err)
			}
			sets, err := a.readPreferences(args[1])
			if err != nil {
				return err
			}
			return a.withCollection(cmd, args, func(ctx context.Context, t target, server client.Client, run spec.RunID) error {
				reports, err := importInto(ctx, t, server, run, as, sets)
				if err != nil {
					return err
				}
				if asJSON {
					if err := a.printJSON(reports); err != nil {
						return err
					}
				} else {
					a.say("%s", importsText(reports)[1:])
				}
				return refusedImport(reports)
			})
		},
	}
	command.Flags().StringVar(&as, "as", "", "name under which the judgements count")
	command.Flags().BoolVar(&asJSON, "json", false, "print what became of the rows as data")
	return command
}

// importSet is what one artifact of an import holds.
type importSet struct {
	pairs  []preference.Pair
	judged []preference.Judged
}

// readPreferences reads a whole file, and refuses a pair that is there twice: which of both was meant, nobody can tell.
func (a *app) readPreferences(path string) ([]importSet, error) {
	var sets []importSet
	seen := map[spec.Digest]int{}
	left, err := trl.Read(path, func(line int, row trl.Row) error {
		pair, outcome := row.Pair()
		digest := pair.Digest()
		if first, twice := seen[digest]; twice {
			return fault.At(path, line, "the same prompt with the same answers is on line %d", first)
		}
		if seen[digest] = line; len(seen) > spec.MaxPairs {
			return fault.At(path, line, "a collection takes %d pairs at most", spec.MaxPairs)
		}
		if last := len(sets) - 1; last < 0 || len(sets[last].pairs) == spec.MaxImportRows {
			sets = append(sets, importSet{})
		}
		set := &sets[len(sets)-1]
		set.pairs = append(set.pairs, pair)
		set.judged = append(set.judged, preference.Judged{RecordedJudgement: spec.RecordedJudgement{Pair: digest, Outcome: outcome}})
		return nil
	})
	if err == nil && len(left) > 0 {
		a.say("warning: %s: columns that are not read: %v", path, left)
	}
	return sets, err
}

// importInto stores the sets, tells the collection of them, and waits for what becomes of them.
func importInto(ctx context.Context, t target, server client.Client, run spec.RunID, reviewer string, sets []importSet) ([]spec.ImportReport, error) {
	before, err := askCollection[spec.PreferencesStatus](ctx, server, run, workflows.StatusQuery)
	if err != nil {
		return nil, err
	}
	if before.Ended != "" {
		return nil, refuse(fault.Conflict, "", "collection %s is over: %s", run, before.Ended)
	}
	store, err := t.store(ctx)
	if err != nil {
		return nil, err
	}
	request := spec.ImportRequest{Reviewer: reviewer}
	for _, set := range sets {
		ref, err := set.publish(ctx, store)
		if err != nil {
			return nil, err
		}
		request.Sets = append(request.Sets, ref)
	}
	if err := server.SignalWorkflow(ctx, workflows.PreferencesID(run), "", workflows.ImportSignal, request); err != nil {
		return nil, ofCollection(run, connect.Fault(err))
	}
	var reports []spec.ImportReport
	_, err = pollStatus(ctx, server, run, server.GetWorkflow(ctx, workflows.PreferencesID(run), ""), func(s spec.PreferencesStatus) bool {
		reports = reportsOf(s, request)
		return s.Importing == 0 && len(reports) == len(request.Sets)
	})
	return reports, err
}

// reportsOf gives the newest report on each set of a request, in their order.
func reportsOf(s spec.PreferencesStatus, request spec.ImportRequest) []spec.ImportReport {
	newest := map[spec.Digest]spec.ImportReport{}
	for _, report := range s.Imports {
		if report.Reviewer == request.Reviewer {
			newest[report.Set] = report
		}
	}
	reports := []spec.ImportReport{}
	for _, ref := range request.Sets {
		if report, found := newest[ref.Digest]; found {
			reports = append(reports, report)
		}
	}
	return reports
}

func (s importSet) publish(ctx context.Context, store storage.Store) (spec.ArtifactRef, error) {
	var pairs, judged bytes.Buffer
	if err := preference.WritePairs(&pairs, s.pairs); err != nil {
		return spec.ArtifactRef{}, err
	}
	if err := preference.WriteJudgements(&judged, s.judged); err != nil {
		return spec.ArtifactRef{}, err
	}
	return artifact.PublishBytes(ctx, store, spec.KindPairs, map[string][]byte{
		preference.PairsFile: pairs.Bytes(), preference.JudgementsFile: judged.Bytes(),
	}, nil, nil)
}

// exported is the answer of preferences export --json.
type exported struct {
	File string `json:"file"`
	Rows int    `json:"rows"`
	preference.Summary
}

func newPreferencesExport(a *app) *cobra.Command {
	var chat, asJSON bool
	command := &cobra.Command{
		Use:   "export COLLECTION FILE",
		Short: "Write the decided pairs as prompt, chosen and rejected, as TRL reads them",
		Long: `Write a JSONL or Parquet file with a row for each pair of which more than half of the
judgements prefer the same answer, and how many did. Ties, pairs of which both answers
are bad and undecided ones prefer nothing: they are left out, counted and, with --json,
named. A collection that goes on is exported as it stands. One whose workflow Temporal
has forgotten is read from the store.

Exit codes: 0 written; 2 there is nothing to write, or the file is not right; 1 anything
else.`,
		Example: `  elara preferences export cough preferences.jsonl
  elara preferences export cough preferences.parquet --chat
  elara preferences export cough preferences.jsonl --json | jq .undecided`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCollection(cmd, args, func(ctx context.Context, t target, server client.Client, run spec.RunID) error {
				collected, name, err := collectedNow(ctx, t, server, run)
				if err != nil {
					return err
				}
				form := trl.Plain
				if chat {
					form = trl.Chat
				}
				rows := trl.Decisions(collected)
				if err := trl.Write(args[1], form, rows); err != nil {
					return err
				}
				c := collected.Counts
				if asJSON {
					return a.printJSON(exported{File: args[1], Rows: len(rows), Summary: collected.Summary(run, name)})
				}
				a.say("%d of %d pairs written; left out: %d tie, %d both bad, %d undecided, %d not judged", len(rows), c.Pairs, c.Tie, c.BothBad, c.Undecided, c.Unjudged)
				_, err = fmt.Fprintln(a.out, args[1])
				return err
			})
		},
	}
	command.Flags().BoolVar(&chat, "chat", false, "write chat messages instead of texts")
	command.Flags().BoolVar(&asJSON, "json", false, "print what was written and left out as data")
	return command
}

// holdings is what a collection holds.
type holdings struct {
	name   string
	pairs  []preference.Pair
	judged []preference.Judged
}

func collectedNow(ctx context.Context, t target, server client.Client, run spec.RunID) (c preference.Collected, name string, err error) {
	held, err := heldNow(ctx, t, server, run)
	if err != nil {
		return c, "", err
	}
	c, err = preference.Collect(held.pairs, held.judged)
	return c, held.name, err
}

// heldNow reads what a collection holds: what is stored, and what waits in its workflow. What waits is asked for first: a
// batch that is stored between both questions is then read twice, and counted once.
func heldNow(ctx context.Context, t target, server client.Client, run spec.RunID) (held holdings, err error) {
	store, err := t.store(ctx)
	if err != nil {
		return held, err
	}
	waiting, err := askCollection[[]spec.RecordedJudgement](ctx, server, run, workflows.WaitingQuery)
	var status spec.PreferencesStatus
	if err == nil {
		status, err = askCollection[spec.PreferencesStatus](ctx, server, run, workflows.StatusQuery)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return held, err
	}
	sets, stored := status.Sets, status.Stored
	if held.name = status.Name; len(sets) == 0 { // Temporal has forgotten it, or a later one of its name was refused
		pointer, storeErr := artifact.FindCollection(ctx, store, run)
		if fault.Is(storeErr, fault.NotFound) && err != nil {
			return held, err
		}
		if storeErr != nil {
			return held, ofCollection(run, storeErr)
		}
		sets, stored, held.name = pointer.Pairs, pointer.Stored, string(run)
	}
	if held.pairs, err = pairsOf(ctx, store, sets); err != nil {
		return held, err
	}
	batches, err := artifact.ReadChain(ctx, store, stored.Head, preference.JudgementsFile)
	if err != nil {
		return held, err
	}
	judged, err := preference.ReadBatches(batches)
	held.judged = withWaiting(judged, waiting)
	return held, err
}

// withWaiting adds the judgements that are not stored yet.
func withWaiting(judged []preference.Judged, waiting []spec.RecordedJudgement) []preference.Judged {
	type key struct {
		pair     spec.Digest
		reviewer string
	}
	there := make(map[key]bool, len(judged))
	for _, j := range judged {
		there[key{j.Pair, j.Reviewer}] = true
	}
	for _, j := range waiting {
		if !there[key{j.Pair, j.Reviewer}] {
			judged = append(judged, preference.Judged{RecordedJudgement: j})
		}
	}
	return judged
}
