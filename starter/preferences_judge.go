package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"elara/data/preference"
	"elara/desk/review"
	"elara/spec"
	"elara/spec/fault"
	"elara/starter/terminal"
	"elara/storage/cas"
	"elara/workflows"
)

// shownPair is a pair as a reviewer sees it: blind, and in the order drawn.
type shownPair struct {
	Collection spec.RunID         `json:"collection"`
	Pair       spec.Digest        `json:"pair,omitempty"` // empty: there is nothing left
	Number     int                `json:"number,omitempty"`
	Left       int                `json:"left"`
	Prompt     *preference.Prompt `json:"prompt,omitempty"`
	AnswerA    string             `json:"answer_a,omitempty"`
	AnswerB    string             `json:"answer_b,omitempty"`
}

func newPreferencesNext(a *app) *cobra.Command {
	var as string
	var asJSON bool
	command := &cobra.Command{
		Use:   "next COLLECTION --as NAME",
		Short: "Show a reviewer the pair that needs a judgement most",
		Long: `Show the pair with the fewest judgements that this reviewer has not judged yet: the
prompt, and the two answers as A and B in the order drawn for this reviewer. Nothing
says where they come from. Asked again, the answer is the same until it is judged.`,
		Example: `  elara preferences next cough --as "Person A"
  elara preferences next cough --as "Person A" --json | jq -r .pair`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCollection(cmd, args, func(ctx context.Context, t target, server client.Client, run spec.RunID) error {
				shown, err := showNext(ctx, t, server, run, as)
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(shown)
				}
				if shown.Pair == "" {
					a.say("there is nothing left to judge for %s", as)
					return nil
				}
				_, err = fmt.Fprint(a.out, shown.text(as))
				return err
			})
		},
	}
	command.Flags().StringVar(&as, "as", "", "name of the reviewer")
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

func showNext(ctx context.Context, t target, server client.Client, run spec.RunID, reviewer string) (shownPair, error) {
	if reviewer == "" {
		return shownPair{}, fault.New(fault.Invalid, "expected --as NAME: who looks at the pair")
	}
	next, err := askCollection[spec.NextPair](ctx, server, run, workflows.NextPairQuery, reviewer)
	shown := shownPair{Collection: run, Pair: next.Pair, Number: next.Number, Left: next.Left}
	if err != nil || next.Pair == "" {
		return shown, err
	}
	pairs, err := collectionPairs(ctx, t, server, run)
	if err != nil {
		return shown, err
	}
	_, pair, err := pairNamed(pairs, string(next.Pair))
	if next.First == spec.PrefersB {
		pair = pair.Swapped()
	}
	shown.Prompt, shown.AnswerA, shown.AnswerB = &pair.Prompt, pair.ResponseA, pair.ResponseB
	return shown, err
}

// collectionPairs reads the pairs that a collection has now.
func collectionPairs(ctx context.Context, t target, server client.Client, run spec.RunID) ([]preference.Pair, error) {
	status, err := askCollection[spec.PreferencesStatus](ctx, server, run, workflows.StatusQuery)
	if err != nil {
		return nil, err
	}
	store, err := t.store(ctx)
	if err != nil {
		return nil, err
	}
	return pairsOf(ctx, store, status.Sets)
}

func (s shownPair) text(reviewer string) string {
	text := fmt.Sprintf("Pair %d of %s, %s; %s left for %s\n", s.Number, s.Collection, s.Pair.Short(), terminal.Count(int64(s.Left)), reviewer)
	if prompt, single := s.Prompt.Plain(); single {
		text += fmt.Sprintf("\nPROMPT\n%s\n", prompt)
	} else {
		for _, message := range s.Prompt.Chat() {
			text += fmt.Sprintf("\nPROMPT, %s\n%s\n", message.Role, message.Content)
		}
	}
	return text + fmt.Sprintf("\nA\n%s\n\nB\n%s\n\nJudge with   elara preferences judge %s %s A|B|tie|both_bad --as %q\n",
		s.AnswerA, s.AnswerB, s.Collection, s.Pair.Short(), reviewer)
}

func newPreferencesJudge(a *app) *cobra.Command {
	var as, reason string
	var asJSON bool
	command := &cobra.Command{
		Use:   "judge COLLECTION PAIR A|B|tie|both_bad --as NAME",
		Short: "Record what a reviewer says of a pair",
		Long: `Record a judgement of the pair whose digest elara preferences next has shown, its first
12 digits or more. A is the answer that was shown first to this reviewer. The first
judgement of a reviewer about a pair stands: the same one again changes nothing, another
one is refused. The reason is stored beside the pairs and does not pass through Temporal.

Exit codes: 0 recorded; 2 refused, with the reason; 1 anything else.`,
		Example: `  elara preferences judge cough 1f0c5d2a9b3e A --as "Person A"
  elara preferences judge cough 1f0c5d2a9b3e both_bad --as "Person A" --reason "both miss the red flags"`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(reason) > spec.MaxReason {
				return fault.New(fault.Invalid, "--reason: %d bytes, expected at most %d", len(reason), spec.MaxReason)
			}
			return a.withCollection(cmd, args, func(ctx context.Context, t target, server client.Client, run spec.RunID) error {
				recorded, err := judge(ctx, t, server, spec.Judgement{Collection: run, Choice: spec.Choice(args[2]), Reviewer: as}, args[1], reason)
				if err != nil {
					return err
				}
				if recorded.JudgedAt.IsZero() {
					a.say("%s had said so before; that judgement stands, with the reason it was given then", recorded.Reviewer)
				}
				if asJSON {
					return a.printJSON(recorded)
				}
				_, err = fmt.Fprintf(a.out, "pair %d, %s: %s by %s\n", recorded.Number, recorded.Pair.Short(), args[2], recorded.Reviewer)
				return err
			})
		},
	}
	command.Flags().StringVar(&as, "as", "", "name of the reviewer")
	command.Flags().StringVar(&reason, "reason", "", "why; it is stored with the judgement")
	command.Flags().BoolVar(&asJSON, "json", false, "print what was recorded as data")
	return command
}

func judge(ctx context.Context, t target, server client.Client, j spec.Judgement, digits, reason string) (spec.RecordedJudgement, error) {
	var none spec.RecordedJudgement
	pairs, err := collectionPairs(ctx, t, server, j.Collection)
	if err != nil {
		return none, err
	}
	number, pair, err := pairNamed(pairs, digits)
	if err != nil {
		return none, err
	}
	j.Pair, j.Number = pair.Digest(), number
	if err := j.Check(); err != nil {
		return none, err
	}
	if reason != "" {
		store, err := t.store(ctx)
		if err != nil {
			return none, err
		}
		blob, err := cas.PutBytes(ctx, store, []byte(reason))
		if err != nil {
			return none, fmt.Errorf("store the reason: %w", err)
		}
		j.Reason = blob.Digest
	}
	recorded, err := tellCollection[spec.RecordedJudgement](ctx, server, j.Collection, workflows.JudgeUpdate, j)
	var over overError
	if errors.As(err, &over) {
		return saidBefore(ctx, t, over, j)
	}
	return recorded, err
}

// saidBefore finds a judgement in a collection that is over: who had no answer to the last one and repeats it must hear
// that it is kept. What was not said before is refused as it was.
func saidBefore(ctx context.Context, t target, over overError, j spec.Judgement) (spec.RecordedJudgement, error) {
	store, err := t.store(ctx)
	if err != nil {
		return spec.RecordedJudgement{}, err
	}
	kept, found, err := review.Kept(ctx, store, over.status, j)
	if err == nil && !found {
		err = over
	}
	return kept, err
}

func newPreferencesClose(a *app) *cobra.Command {
	var request spec.CloseRequest
	var asJSON bool
	command := &cobra.Command{
		Use:   "close COLLECTION --as NAME",
		Short: "End a collection before its time; what was said counts",
		Long: `End a collection. It takes no more judgements, stores what it has and makes its result.
Who closed it, and why, is kept with it; the first who does so stands.

Exit codes: 0 it is closed; 2 refused, with the reason; 1 anything else.`,
		Example: `  elara preferences close cough --as "Person A" --reason "enough for a first training"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCollection(cmd, args, func(ctx context.Context, _ target, server client.Client, run spec.RunID) error {
				if request.By == "" {
					return fault.New(fault.Invalid, "expected --as NAME: who closes the collection")
				}
				if err := request.Check(); err != nil {
					return err
				}
				stands, err := tellCollection[spec.CloseRequest](ctx, server, run, workflows.CloseUpdate, request)
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(stands)
				}
				_, err = fmt.Fprintf(a.out, "collection %s: closed by %s, %s UTC\n", run, stands.By, terminal.Moment(stands.ClosedAt))
				return err
			})
		},
	}
	command.Flags().StringVar(&request.By, "as", "", "name of the person who closes it")
	command.Flags().StringVar(&request.Reason, "reason", "", "why; it is kept in Temporal")
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}
