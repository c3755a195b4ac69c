package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"elara/data/preference"
	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/workflows"
)

// collecting holds the flags of start.
type collecting struct {
	id, deadline  string
	perPair       int
	total         int64
	escalateAfter time.Duration
	reviewers     []string
	asJSON        bool
}

func newPreferencesStart(a *app) *cobra.Command {
	var c collecting
	command := &cobra.Command{
		Use:   "start FILE|ARTIFACT",
		Short: "Start a collection of preferences over a set of pairs",
		Long: `Start a collection over the pairs of a JSONL file, {"prompt", "response_a", "response_b"} a
line with "id" and "meta" (texts by name) where there are any, or of an artifact of kind
pairs, by its digest. A prompt is a text or a list of chat messages. The file is read,
checked and stored before anything starts.

Exit codes: 0 it has started; 2 a pair or a flag is not right, or the name is taken; 1
anything else.`,
		Example: `  elara preferences start pairs.jsonl --id cough --per-pair 3
  elara preferences start pairs.jsonl --reviewer "Person A" --reviewer "Person B" --deadline 2026-12-24T18:00:00Z
  elara preferences start 1f0c5d2a9b3e --escalate-after 48h`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, a, args[0]) },
	}
	flags := command.Flags()
	flags.StringVar(&c.id, "id", "", "name of the collection (default: the file's name and the time)")
	flags.IntVar(&c.perPair, "per-pair", 2, "judgements wanted for each pair")
	flags.Int64Var(&c.total, "total", 0, "end after so many judgements in all the same (0: no such bound)")
	flags.StringVar(&c.deadline, "deadline", "", "end at this time (2026-12-24T18:00:00Z) or after this long (336h)")
	flags.DurationVar(&c.escalateAfter, "escalate-after", 0, "say so when nobody has judged for this long, again and again (0: never)")
	flags.StringArrayVar(&c.reviewers, "reviewer", nil, "who may judge; may be given several times (default: anybody)")
	flags.BoolVar(&c.asJSON, "json", false, "print the collection's status as data")
	return command
}

func (c collecting) run(cmd *cobra.Command, a *app, from string) error {
	in := spec.PreferencesInput{Run: spec.RunID(c.id), Plan: spec.PreferencesPlan{
		PerPair: c.perPair, Total: c.total, EscalateHours: c.escalateAfter.Hours(), Reviewers: c.reviewers,
	}}
	var err error
	if in.Plan.Deadline, err = parseDeadline(c.deadline, a.now()); err != nil {
		return err
	}
	in.Name = strings.TrimSuffix(filepath.Base(from), filepath.Ext(from))
	if in.Run == "" {
		in.Run = a.runID(in.Name)
	}
	content, err := readPairsFile(from)
	if err != nil {
		return err
	}
	check := in
	check.Pairs = spec.ArtifactRef{Kind: spec.KindPairs, Digest: spec.Digest(strings.Repeat("0", 64))} // the pairs are not stored yet
	if err := check.Check(); err != nil {
		return err
	}
	return a.withServer(cmd, func(ctx context.Context, t target, server client.Client) error {
		store, err := t.store(ctx)
		if err != nil {
			return err
		}
		if in.Pairs, err = pairsArtifact(ctx, store, from, content); err != nil {
			return err
		}
		if err := checkNew(ctx, store, in.Run); err != nil {
			return err
		}
		status, err := startCollection(ctx, server, t, in)
		if err != nil {
			return err
		}
		if c.asJSON {
			return a.printJSON(status)
		}
		a.say("collection %s has started: %d pairs, %d judgements wanted", status.Run, status.Pairs, status.Wanted)
		_, err = fmt.Fprintln(a.out, status.Run)
		return err
	})
}

// parseDeadline reads a time, or a duration from now on.
func parseDeadline(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		after, err := time.ParseDuration(text)
		if err != nil {
			return time.Time{}, fault.New(fault.Invalid, "--deadline %s: expected a time such as 2026-12-24T18:00:00Z or a duration such as 336h", text)
		}
		at = now.Add(after)
	}
	if !at.After(now) {
		return time.Time{}, fault.New(fault.Invalid, "--deadline %s: expected a time to come", text)
	}
	return at.UTC(), nil
}

// readPairsFile gives the pairs of a file as they are stored, or nothing where the argument names an artifact.
func readPairsFile(from string) ([]byte, error) {
	file, err := os.Open(from)
	if errors.Is(err, os.ErrNotExist) && looksLikeDigest(from) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.At(from, 0, "cannot be read: %w", errors.Unwrap(err))
	}
	pairs, err := preference.ReadPairs(from, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	var content bytes.Buffer
	err = preference.WritePairs(&content, pairs)
	return content.Bytes(), err
}

func looksLikeDigest(text string) bool {
	return len(text) >= shortest && strings.Trim(text, "0123456789abcdef") == ""
}

func pairsArtifact(ctx context.Context, store storage.Store, from string, content []byte) (spec.ArtifactRef, error) {
	if content != nil {
		return artifact.PublishBytes(ctx, store, spec.KindPairs, map[string][]byte{preference.PairsFile: content}, nil, nil)
	}
	digest, err := wholeDigest(ctx, store, from)
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	manifest, err := artifact.Load(ctx, store, spec.ArtifactRef{Kind: spec.KindPairs, Digest: digest})
	return spec.ArtifactRef{Kind: spec.KindPairs, Digest: digest, SizeBytes: manifest.SizeBytes()}, noneSuch(err)
}

// checkNew refuses a name of which the store holds a collection: Temporal may have forgotten it.
func checkNew(ctx context.Context, store storage.Store, run spec.RunID) error {
	_, err := artifact.FindCollection(ctx, store, run)
	switch {
	case err == nil:
		return taken(run)
	case fault.Is(err, fault.NotFound):
		return nil
	}
	return err
}

func taken(run spec.RunID) error {
	return refuse(fault.Conflict, "", "a collection named %s exists already; expected a new name", run)
}

// startCollection starts the workflow and waits until it takes judgements.
func startCollection(ctx context.Context, server client.Client, t target, in spec.PreferencesInput) (spec.PreferencesStatus, error) {
	var none spec.PreferencesStatus
	handle, err := server.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       workflows.PreferencesID(in.Run),
		TaskQueue:                                t.settings.Queues.Control,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            fmt.Sprintf("%s: which of two answers is better", in.Name),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.ElaraStage.ValueSet(spec.StagePreferences),
			workflows.ElaraDataset.ValueSet(in.Pairs.Digest.Short()),
		),
	}, workflows.PreferencesWorkflow, workflows.PreferencesState{PreferencesInput: in})
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &started) {
		return none, taken(in.Run)
	}
	if err != nil {
		return none, fmt.Errorf("start collection %s: %w", in.Run, connect.Fault(err))
	}
	return pollStatus(ctx, server, in.Run, handle, func(s spec.PreferencesStatus) bool { return s.Open || s.Ended != "" })
}

// pollStatus asks until the collection is where it should be. A workflow that fails meanwhile gives its failure.
func pollStatus(ctx context.Context, server client.Client, run spec.RunID, started client.WorkflowRun, there func(spec.PreferencesStatus) bool) (spec.PreferencesStatus, error) {
	failed := make(chan error, 1)
	ctx, cancel := context.WithTimeout(ctx, decideWithin)
	defer cancel()
	go func() {
		if err := started.Get(ctx, nil); ctx.Err() == nil {
			failed <- connect.Fault(err)
		}
	}()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		status, err := askCollection[spec.PreferencesStatus](ctx, server, run, workflows.StatusQuery)
		if err == nil && there(status) {
			return status, nil
		}
		select {
		case failure := <-failed:
			if failure != nil {
				return status, failure
			}
			failed = nil // it came to a good end; the next answer tells
		case <-ctx.Done():
			return status, fault.WithHint(fault.New(fault.Transient, "collection %s does not answer yet: %w", run, errors.Join(err, ctx.Err())), "look at elara doctor")
		case <-again.C:
		}
	}
}
