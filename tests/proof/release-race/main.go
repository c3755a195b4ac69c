package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/gateway"
	"elara/storage/s3"
)

const (
	rounds    = 20
	promoters = 10
	bucket    = "releases"
	channel   = "stable"
	accessKey = "proof"
	secretKey = "proof-secret"

	// patience bounds the whole proof.
	patience = 5 * time.Minute
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	good, err := prove(ctx)
	verdict, code := "ok", 0
	if err != nil || good != rounds {
		verdict, code = "short", 1
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof release-race:", err)
	}
	fmt.Printf("proof release-race: one winner of %d, the others refused by name, rolled back to the exact digest in %d of %d rounds (bound all) %s\n",
		promoters, good, rounds, verdict)
	os.Exit(code)
}

// prove gives the number of rounds that went as they must.
func prove(ctx context.Context) (good int, err error) {
	folder, err := os.MkdirTemp("", "elara-proof-release-race-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	server, err := gateway.Start(ctx, gateway.Options{
		Folder: folder, Address: "127.0.0.1:0", AccessKey: accessKey, SecretKey: secretKey, Buckets: []string{bucket},
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	var stores [promoters]storage.Store
	for i := range stores {
		stores[i], err = s3.Open(ctx, s3.Options{
			Endpoint: server.Endpoint(), Bucket: bucket, PathStyle: true, AccessKey: accessKey, SecretKey: secretKey,
		})
		if err != nil {
			return 0, err
		}
	}
	first, err := publish(ctx, stores[0], "the first")
	if err != nil {
		return 0, err
	}
	if _, err := artifact.Flip(ctx, stores[0], channel, "", artifact.Change{To: first, Decision: word(first, "Person A")}); err != nil {
		return 0, err
	}
	for round := range rounds {
		if err := race(ctx, stores[:], round, first); err != nil {
			return good, fmt.Errorf("round %d: %w", round, err)
		}
		good++
	}
	return good, nil
}

// race lets all promoters flip at once, and goes back to what was served before.
func race(ctx context.Context, stores []storage.Store, round int, before spec.ArtifactRef) error {
	refs := make([]spec.ArtifactRef, len(stores))
	for i, store := range stores {
		ref, err := publish(ctx, store, fmt.Sprintf("round %d, promoter %d", round, i))
		if err != nil {
			return err
		}
		refs[i] = ref
	}
	errs := make([]error, len(stores))
	ready := make(chan struct{})
	var group sync.WaitGroup
	for i, store := range stores {
		group.Go(func() {
			<-ready
			_, errs[i] = artifact.Flip(ctx, store, channel, before.Digest, artifact.Change{To: refs[i], Decision: word(refs[i], promoter(i))})
		})
	}
	close(ready)
	group.Wait()

	release, err := artifact.Current(ctx, stores[0], channel)
	if err != nil {
		return err
	}
	winner := release.Changes[len(release.Changes)-1]
	won := 0
	for i, err := range errs {
		switch named := fmt.Sprintf("candidate %s by the word of %s", winner.To.Digest.Short(), winner.Decision.Reviewer); {
		case err == nil && refs[i] == winner.To:
			won++
		case err == nil:
			return fmt.Errorf("%s was told of success, the channel serves %s", promoter(i), winner.To.Digest.Short())
		case !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), named):
			return fmt.Errorf("%s was not refused by name: %w", promoter(i), err)
		}
	}
	if won != 1 || len(release.Changes) != 2+2*round {
		return fmt.Errorf("%d winners, %d changes", won, len(release.Changes))
	}
	return goBack(ctx, stores[0], winner.To, before)
}

// goBack rolls the channel back and compares what it serves, byte for byte.
func goBack(ctx context.Context, store storage.Store, from, before spec.ArtifactRef) error {
	want, err := artifact.ReadFile(ctx, store, before, spec.CandidateFile)
	if err != nil {
		return err
	}
	decision := word(before, "Person A")
	decision.Reason = "the proof goes back"
	if _, err := artifact.Back(ctx, store, channel, from.Digest, before, decision); err != nil {
		return err
	}
	release, err := artifact.Current(ctx, store, channel)
	if err != nil {
		return err
	}
	got, err := artifact.ReadFile(ctx, store, release.Current(), spec.CandidateFile)
	if err == nil && (release.Current() != before || !bytes.Equal(got, want)) {
		err = fmt.Errorf("rolled back to %s, expected %s", release.Current().Digest, before.Digest)
	}
	return err
}

func promoter(i int) string { return fmt.Sprintf("promoter %d", i) }

func publish(ctx context.Context, store storage.Store, content string) (spec.ArtifactRef, error) {
	return artifact.PublishBytes(ctx, store, spec.KindCandidate, map[string][]byte{spec.CandidateFile: []byte(content)}, nil, nil)
}

func word(on spec.ArtifactRef, by string) spec.Decision {
	return spec.Decision{Verdict: spec.Approved, Candidate: on.Digest, Reviewer: by, DecidedAt: time.Now().UTC()}
}
