package main

import (
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/configs"
	"elara/spec"
	"elara/storage/artifact"
	"elara/storage/mem"
)

// promoted lets two persons approve, and somebody else release meanwhile: the stale word is refused, the one that knows is
// taken. Another channel then takes over what was approved.
func promoted(t *testing.T, state string) {
	file := pipelineFile(t, state, "moving")
	run := elara(t, "run", file, "--id", "moving-1", "--every", "1ms", "--state", state,
		"--set", "approval.signatures=2", "--set", "approval.approvers=Person A, Person B", "--set", "approval.valid_hours=24", "--set", "lane=emergency")
	require.Equal(t, exitDone, run.code, run.err)
	approve := func(args ...string) said {
		return elara(t, append([]string{"approve", "moving-1", "--yes", "--state", state}, args...)...)
	}
	stranger := approve("--as", "Person C")
	require.Equal(t, exitRefused, stranger.code)
	require.Contains(t, stranger.err, "Person C is no approver of this pipeline, expected one of Person A, Person B")

	shown := elara(t, "release", "show", "moving", "--state", state)
	require.Equal(t, exitDone, shown.code, shown.err)
	require.Regexp(t, `Production  nothing\nCandidate   [0-9a-f]{64} of run moving-1, nobody has decided on it\n`, shown.out)
	early := elara(t, "release", "promote", "moving", "--as", "Person A", "--reason", "r", "--yes", "--state", state)
	require.Equal(t, exitRefused, early.code)
	require.Contains(t, early.err, "nobody has decided on candidate ")

	first := approve("--as", "Person A")
	require.Equal(t, exitDone, first.code, first.err)
	require.Contains(t, first.err, "1 more signatures are needed, of other persons: elara approve moving-1 --as NAME")

	store := storeOf(t, state)
	other, err := artifact.PublishBytes(t.Context(), store, spec.KindCandidate, map[string][]byte{"candidate.json": []byte(`{}`)}, nil, nil)
	require.NoError(t, err)
	_, err = artifact.Flip(t.Context(), store, "moving", "", artifact.Change{To: other, Decision: spec.Decision{
		Verdict: spec.Approved, Candidate: other.Digest, Reviewer: "Person B", DecidedAt: time.Now().UTC(),
	}})
	require.NoError(t, err)
	stale := approve("--as", "Person B")
	require.Equal(t, exitRefused, stale.code)
	require.Contains(t, stale.err, "channel moving serves candidate "+string(other.Digest)+" by now, this approval is to replace nothing")
	for _, name := range []string{"Person A", "Person B"} {
		knowing := approve("--as", name, "--replaces", string(other.Digest))
		require.Equal(t, exitDone, knowing.code, knowing.err)
	}
	watched := elara(t, "watch", "moving-1", "--state", state)
	require.Equal(t, exitDone, watched.code, watched.err)
	require.Contains(t, watched.out, "Decision   approved by Person A and Person B\n")

	var view channelView
	require.NoError(t, json.Unmarshal([]byte(elara(t, "release", "show", "moving", "--json", "--state", state).out), &view))
	require.Equal(t, view.Candidate.Candidate, view.Production.Candidate)
	require.Equal(t, spec.Patient, view.Production.Adapters[0].Audience)
	require.Equal(t, other.Digest, view.Candidate.Decision.Replaces)

	again := elara(t, "release", "promote", "ward", "--from", "moving", "--as", "Person C", "--reason", "two weeks without a finding",
		"--replaces", string(other.Digest), "--state", state)
	require.Equal(t, exitRefused, again.code)
	require.Contains(t, again.err, `channel "ward" serves nothing by now, not `+other.Digest.Short())
	taken := elara(t, "release", "promote", "ward", "--from", "moving", "--as", "Person C", "--reason", "two weeks without a finding", "--yes", "--state", state)
	require.Equal(t, exitDone, taken.code, taken.err)
	require.Equal(t, "channel ward points to "+view.Production.Candidate.Short()+", before it was nothing\n", taken.out)
	require.Contains(t, taken.err, "1 adapters have answered the smoke question\n")
	ward, err := artifact.Current(t.Context(), store, "ward")
	require.NoError(t, err)
	mutedByHand(t, state, ward, other)
	word, err := artifact.ReadDecision(t.Context(), store, ward.Changes[0].Approval)
	require.NoError(t, err)
	require.Equal(t, "Person A and Person B", word.Signers())
	require.Equal(t, "Person C", ward.Changes[0].Decision.Reviewer)
}

// mutedByHand goes back, by hand, to a candidate whose adapter says nothing any more: that is undone, too. Then it is promoted
// again, when it speaks.
func mutedByHand(t *testing.T, state string, ward artifact.Release, other spec.ArtifactRef) {
	store, good := storeOf(t, state), ward.Current().Digest
	_, err := artifact.Flip(t.Context(), store, "ward", good, artifact.Change{To: other, Decision: spec.Decision{
		Verdict: spec.Approved, Candidate: other.Digest, Reviewer: "Person B", DecidedAt: time.Now().UTC(),
	}})
	require.NoError(t, err)
	mute := os.Getenv(muteVariable)
	require.NoError(t, os.WriteFile(mute, nil, 0o600))
	back := elara(t, "release", "rollback", "ward", "--as", "Person C", "--reason", "misses red flags", "--yes", "--json", "--state", state)
	require.Equal(t, exitRefused, back.code, back.err)
	require.Contains(t, back.err, "the release is taken back: adapter patient: it says nothing to the smoke question; channel ward serves nothing")
	var result spec.ReleaseResult
	require.NoError(t, json.Unmarshal([]byte(back.out), &result))
	require.Equal(t, good, result.Previous)
	require.Equal(t, "adapter patient: it says nothing to the smoke question", result.TakenBack)
	history := elara(t, "release", "history", "ward", "--state", state)
	require.Regexp(t, `smoke check \(no person looked\)  to +nothing +adapter patient: it says nothing`, history.out)

	require.NoError(t, os.Remove(mute))
	again := elara(t, "release", "promote", "ward", "--from", "moving", "--as", "Person C", "--reason", "it was the worker", "--yes", "--state", state)
	require.Equal(t, exitDone, again.code, again.err)
	asked := elara(t, "release", "smoke", "ward", "--state", state)
	require.Equal(t, exitDone, asked.code, asked.err)
	require.Contains(t, asked.err, "1 adapters have answered the smoke question\n")
}

// nobodyTakesTheCheck asks on a class of device that no worker has, and where Temporal is down: the flip
// stands, and what to do is said.
func nobodyTakesTheCheck(t *testing.T, state string) {
	store := storeOf(t, state)
	release, err := artifact.Current(t.Context(), store, "ward")
	require.NoError(t, err)
	change := artifact.Change{To: release.Current(), Decision: spec.Decision{
		Verdict: spec.Approved, Candidate: release.Current().Digest, Reviewer: "Person B", DecidedAt: time.Now().UTC(),
	}, Smoke: release.Smoke(release.Current().Digest)}
	change.Smoke.Targets = slices.Clone(change.Smoke.Targets)
	change.Smoke.Targets[0].Device = "cuda"
	_, err = artifact.Flip(t.Context(), store, "lonely", "", change)
	require.NoError(t, err)
	asked := elara(t, "release", "smoke", "lonely", "--wait", "1s", "--state", state)
	require.Equal(t, exitFailed, asked.code)
	const nobody = "device worker: found 0 on the queue elara-train-cuda, expected at least one that polls the queue elara-train-cuda (start one: "
	require.Contains(t, asked.err, "the smoke check waits, at most 1s: "+nobody)
	require.Contains(t, asked.err, "is not known to have ended within 1s: "+nobody)

	down := smoker{target: target{settings: configs.Settings{Temporal: configs.TemporalSettings{Address: "127.0.0.1:1", Namespace: "elara"}}}, wait: time.Second}
	result, err := down.after(t.Context(), &app{err: io.Discard}, store, release.Last())
	require.NoError(t, err)
	require.Equal(t, release.Current().Digest, result.Current)
	require.Contains(t, result.Unchecked, "once Temporal answers, elara release smoke ward asks it")
}

// TestPromotionIsForTheApproversOfTheChannelThatMoves takes over what another channel serves: who may, the offer to the
// channel itself says.
func TestPromotionIsForTheApproversOfTheChannelThatMoves(t *testing.T) {
	store := mem.New()
	candidate := func(text string) spec.ArtifactRef {
		ref, err := artifact.PublishBytes(t.Context(), store, spec.KindCandidate, map[string][]byte{spec.CandidateFile: []byte(text)}, nil, nil)
		require.NoError(t, err)
		return ref
	}
	tried := candidate(`{}`)
	word := spec.Decision{Verdict: spec.Approved, Candidate: tried.Digest, Reviewer: "Person D", DecidedAt: newClock().now()}
	content, err := json.Marshal(word)
	require.NoError(t, err)
	approval, err := artifact.PublishBytes(t.Context(), store, spec.KindDecision, map[string][]byte{spec.DecisionFile: content}, nil, nil)
	require.NoError(t, err)
	_, err = artifact.Flip(t.Context(), store, "staging", "", artifact.Change{To: tried, Approval: approval, Decision: word})
	require.NoError(t, err)
	for channel, approvers := range map[string][]string{"stable": {"Person A", "Person B"}, "staging": {"Person D"}} {
		offer := artifact.Offer{Channel: channel, Run: "run-1", Candidate: candidate(`{"run":"run-1"}`), Approvers: approvers}
		require.NoError(t, artifact.PutOffer(t.Context(), store, offer))
	}
	promote := func(channel, as string) error {
		a := &app{out: io.Discard, err: io.Discard, now: newClock().now}
		p := promotion{from: "staging", signer: signer{as: as, reason: "two weeks without a finding", yes: true}}
		return p.run(t.Context(), a, store, channel)
	}
	for _, stranger := range []string{"Person C", "Person D"} {
		err := promote("stable", stranger)
		require.Equal(t, exitRefused, exitCode(err))
		require.ErrorContains(t, err, stranger+" is no approver of channel stable")
	}
	require.NoError(t, promote("stable", "Person A"))
	require.NoError(t, promote("ward", "Person C")) // nothing was offered to it, which would name who may
}

// withdrawnSource follows an adapter to its rows and back, and takes its source out of the next run.
func withdrawnSource(t *testing.T, state string) {
	var view channelView
	require.NoError(t, json.Unmarshal([]byte(elara(t, "release", "show", "moving", "--json", "--state", state).out), &view))
	adapter := view.Production.Adapters[0].Ref.Digest
	lineage := elara(t, "artifacts", "lineage", adapter.Short(), "--state", state)
	require.Equal(t, exitDone, lineage.code, lineage.err)
	for _, part := range []string{"adapter ", "code ", "machine ", "  config ", "  base-model ", "  dataset ", "rows to train on", "audience patient", "    cleaned ", "      source ", "000/qa.csv"} {
		require.Contains(t, lineage.out, part)
	}
	var origins []origin
	require.NoError(t, json.Unmarshal([]byte(elara(t, "artifacts", "lineage", string(adapter), "--rows", "--json", "--state", state).out), &origins))
	var row spec.UsedRow
	for _, o := range origins {
		if o.Kind == spec.KindDataset {
			row = o.Rows[0]
		}
	}
	reached := elara(t, "artifacts", "reached", string(row.Digest), "--state", state)
	require.Equal(t, exitDone, reached.code, reached.err)
	require.Regexp(t, `patient +`+adapter.Short()+` .*ward`, reached.out)
	require.Contains(t, elara(t, "artifacts", "reached", "no-such.csv", "--state", state).err, "no-such.csv has reached no adapter")

	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "expected a source or the digest of a row"},
		{[]string{"--source", "qa.csv", "--as", "Person A"}, "expected a reason"},
		{[]string{"--row", "d75f", "--as", "Person A", "--reason", "r"}, "expected 64 hexadecimal digits"},
	} {
		got := elara(t, append(append([]string{"withdraw"}, c.args...), "--state", state)...)
		require.Equal(t, exitRefused, got.code, got.err)
		require.Contains(t, got.err, c.want)
	}
	done := elara(t, "withdraw", "--row", string(row.Digest), "--as", "Person A", "--reason", "the patient asked for it", "--state", state)
	require.Equal(t, exitDone, done.code, done.err)
	require.Contains(t, done.err, "withdrawn by Person A: the patient asked for it")
	require.Contains(t, done.err, "elara run PIPELINE.yaml trains anew what had it")
	require.Contains(t, done.out, adapter.Short())

	run := elara(t, "run", pipelineFile(t, state, "moving"), "--id", "moving-2", "--every", "1ms", "--state", state)
	require.Equal(t, exitDone, run.code, run.err)
	require.False(t, strings.Contains(run.out, "train/patient"), run.out)
	var made []namedArtifact
	require.NoError(t, json.Unmarshal([]byte(elara(t, "artifacts", "list", "moving-2", "--json", "--state", state).out), &made))
	require.NotEqual(t, adapter, made[1].Digest)
	require.Contains(t, elara(t, "artifacts", "lineage", string(made[1].Digest), "--state", state).out, "tombstone")
	require.Equal(t, exitDone, elara(t, "reject", "moving-2", "--as", "Person A", "--reason", "only a look", "--yes", "--state", state).code)
}
