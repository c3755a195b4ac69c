package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// rollback holds the flags of release CHANNEL.
type rollback struct {
	to          string
	back        bool
	as, reason  string
	yes, asJSON bool
}

func (r *rollback) addFlags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&r.to, "to", "", "the earlier candidate meant, whole or its first 12 digits or more")
	flags.BoolVar(&r.back, "back", false, "go back to what the channel served before")
	flags.StringVar(&r.as, "as", "", "name of the person who decides")
	flags.StringVar(&r.reason, "reason", "", "why")
	flags.BoolVar(&r.yes, "yes", false, "do not ask: what --back finds is meant")
	flags.BoolVar(&r.asJSON, "json", false, "print what the channel points to as data")
}

// given reports whether a roll-back is asked for.
func (r *rollback) given() bool { return r.back || r.to != "" }

// run points the channel back. It needs the object store alone: a release can be taken back while Temporal is down.
func (r rollback) run(ctx context.Context, a *app, store storage.Store, channel string) error {
	release, err := currentRelease(ctx, store, channel)
	if err != nil {
		return err
	}
	from := release.Current()
	to, err := r.candidate(release)
	if err != nil {
		return err
	}
	fmt.Fprint(a.err, releaseText(release))
	if err := r.sign(ctx, a, channel, to); err != nil {
		return err
	}
	result, err := artifact.Back(ctx, store, channel, from, to, spec.Decision{
		Verdict: spec.Approved, Candidate: to.Digest, Reviewer: strings.TrimSpace(r.as), Reason: strings.TrimSpace(r.reason),
		DecidedAt: a.now().UTC(),
	})
	if err != nil {
		return err
	}
	if r.asJSON {
		return a.printJSON(result)
	}
	_, err = fmt.Fprintf(a.out, "channel %s points to %s again, before it was %s\n", channel, result.Current.Short(), result.Previous.Short())
	return err
}

// candidate finds what is meant among what the channel served.
func (r rollback) candidate(release artifact.Release) (spec.ArtifactRef, error) {
	none := spec.ArtifactRef{}
	if r.back {
		to, found := release.Before()
		if !found {
			return none, refuse(fault.NotFound, "", "channel %s has served nothing before candidate %s", release.Channel, release.Current().Digest.Short())
		}
		return to, nil
	}
	if len(r.to) < shortest {
		return none, fault.New(fault.Invalid, "--to %s: expected 64 hexadecimal digits, or the first %d or more", r.to, shortest)
	}
	served := release.Served(r.to)
	switch {
	case len(served) == 0:
		return none, refuse(fault.NotFound, "elara release show "+release.Channel+" lists what it served",
			"--to %s: no candidate of that digest was ever approved for channel %s", r.to, release.Channel)
	case len(served) > 1:
		return none, refuse(fault.Invalid, "", "--to %s: %d candidates begin with it, expected more digits", r.to, len(served))
	case served[0] == release.Current():
		return none, refuse(fault.Conflict, "", "--to %s: channel %s serves that candidate already", r.to, release.Channel)
	}
	return served[0], nil
}

// sign makes sure that a named person means this candidate and says why.
func (r *rollback) sign(ctx context.Context, a *app, channel string, to spec.ArtifactRef) (err error) {
	if strings.TrimSpace(r.as) == "" {
		if r.as, err = a.ask(ctx, "\nYour name:", "--as NAME"); err != nil {
			return err
		}
	}
	if strings.TrimSpace(r.reason) == "" {
		if r.reason, err = a.ask(ctx, "\nWhy:", "--reason WHY"); err != nil {
			return err
		}
	}
	if r.to != "" || r.yes {
		return nil
	}
	sure, err := a.confirm(ctx, fmt.Sprintf("\nPoint channel %s back to candidate %s, %s?", channel, to.Digest.Short(), r.as), "--to DIGEST or --yes")
	if err == nil && !sure {
		err = fault.New(fault.Transient, "nothing was changed")
	}
	return err
}
