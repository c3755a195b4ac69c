package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"elara/spec"
	"elara/spec/fault"
	"elara/starter/terminal"
	"elara/storage"
	"elara/storage/artifact"
)

func newRelease(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "release",
		Short: "Look at what the channels serve, promote what was approved, and go back",
		Long: `A channel has two aliases. production is what it serves: one approved candidate with an
adapter for each audience, changed in one conditional write. candidate is what its
reviewers were asked about last. All of this needs the object store alone: a release can be
taken back while Temporal is down. Only the smoke check after a flip needs Temporal and a
worker; where there is none the flip stands, and what to do is said.`,
		Example: `  elara release show stable
  elara release history stable
  elara release promote stable --from staging --as "Person A" --reason "two weeks without a finding"
  elara release rollback stable --as "Person A" --reason "misses red flags"`,
	}, newReleaseShow(a), newReleaseHistory(a), newReleasePromote(a), newReleaseRollback(a), newReleaseSmoke(a), newReleaseDrift(a))
}

// channelView is a channel as it is shown.
type channelView struct {
	Channel    string     `json:"channel"`
	Production *aliasView `json:"production"` // null: it serves nothing
	Candidate  *aliasView `json:"candidate"`  // null: none was offered
}

// aliasView is what an alias of a channel points to.
type aliasView struct {
	Candidate spec.Digest             `json:"candidate"`
	Run       spec.RunID              `json:"run,omitempty"`
	Decision  spec.Decision           `json:"decision,omitzero"` // without a verdict: nobody has decided
	Adapters  []spec.CandidateAdapter `json:"adapters"`
}

func newReleaseShow(a *app) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "show CHANNEL",
		Short: "Show the adapters that a channel serves and is offered, for each audience",
		Example: `  elara release show stable
  elara release show stable --json | jq -r '.production.adapters[] | select(.audience=="patient") | .ref.digest'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, store storage.Store) error {
				view, err := viewChannel(ctx, store, args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(view)
				}
				_, err = fmt.Fprint(a.out, view.text())
				return err
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

// viewChannel reads both aliases. A channel that has neither is a name that nothing has.
func viewChannel(ctx context.Context, store storage.Store, channel string) (channelView, error) {
	view := channelView{Channel: channel}
	release, err := artifact.Current(ctx, store, channel)
	never := fault.Is(err, fault.NotFound)
	if err != nil && !never {
		return view, err
	}
	if current := release.Current(); !current.IsZero() {
		last := release.Changes[len(release.Changes)-1]
		if view.Production, err = viewAlias(ctx, store, current, last.Decision); err != nil {
			return view, err
		}
	}
	offer, err := artifact.FindOffer(ctx, store, channel)
	switch {
	case fault.Is(err, fault.NotFound) && never:
		return view, refusedError{fault.New(fault.NotFound, "nothing was released or offered to channel %q yet", channel)}
	case fault.Is(err, fault.NotFound):
		return view, nil
	case err != nil:
		return view, err
	}
	var decision spec.Decision
	if !offer.Decision.IsZero() {
		if decision, err = artifact.ReadDecision(ctx, store, offer.Decision); err != nil {
			return view, err
		}
	}
	if view.Candidate, err = viewAlias(ctx, store, offer.Candidate, decision); err == nil {
		view.Candidate.Run = offer.Run
	}
	return view, err
}

func viewAlias(ctx context.Context, store storage.Store, ref spec.ArtifactRef, decision spec.Decision) (*aliasView, error) {
	candidate, err := artifact.ReadCandidate(ctx, store, ref)
	if err != nil {
		return nil, err
	}
	return &aliasView{Candidate: ref.Digest, Decision: decision, Adapters: candidate.Adapters}, nil
}

func (v channelView) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Channel     %s\n", v.Channel)
	adapters := map[spec.AdapterName]*[3]string{} // audience, production, candidate
	var names []spec.AdapterName
	for column, alias := range []*aliasView{v.Production, v.Candidate} {
		fmt.Fprintf(&b, "%-12s%s\n", []string{"Production", "Candidate"}[column], alias.line())
		if alias == nil {
			continue
		}
		for _, adapter := range alias.Adapters {
			if adapters[adapter.Name] == nil {
				adapters[adapter.Name] = &[3]string{}
				names = append(names, adapter.Name)
			}
			adapters[adapter.Name][0], adapters[adapter.Name][1+column] = string(adapter.Audience), adapter.Ref.Digest.Short()
		}
	}
	table := terminal.Table{Header: []string{"audience", "adapter", "production", "candidate"}}
	for _, name := range names {
		table.Rows = append(table.Rows, []string{adapters[name][0], string(name), adapters[name][1], adapters[name][2]})
	}
	return b.String() + "\n" + table.String()
}

func (v *aliasView) line() string {
	if v == nil {
		return "nothing"
	}
	line := string(v.Candidate)
	if v.Run != "" {
		line += fmt.Sprintf(" of run %s", v.Run)
	}
	if v.Decision.Verdict == "" {
		return line + ", nobody has decided on it"
	}
	return line + ", " + decisionText(v.Decision)
}

func newReleaseHistory(a *app) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "history CHANNEL",
		Short: "Show everything that a channel served, by whose word and why, the newest first",
		Example: `  elara release history stable
  elara release history stable --json | jq .changes[-1].decision.reviewer`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, store storage.Store) error {
				release, err := currentRelease(ctx, store, args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(release)
				}
				_, err = fmt.Fprint(a.out, historyText(release))
				return err
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

// currentRelease reads the pointer of a channel. One that never served anything is a name that nothing has.
func currentRelease(ctx context.Context, store storage.Store, channel string) (artifact.Release, error) {
	release, err := artifact.Current(ctx, store, channel)
	return release, noneSuch(err)
}

// historyText shows the newest change first: it is the one that holds.
func historyText(release artifact.Release) string {
	table := terminal.Table{Header: []string{"decided (UTC)", "by", "", "candidate", "reason"}}
	for _, change := range slices.Backward(release.Changes) {
		way, to := "to", change.To.Digest.Short()
		switch {
		case change.To.IsZero():
			way, to = "to", "nothing"
		case change.Back:
			way = "back to"
		}
		reason := strings.Join(strings.Fields(change.Decision.Reason), " ") // of many lines, perhaps
		table.Rows = append(table.Rows, []string{
			terminal.Moment(change.Decision.DecidedAt), change.Decision.Signers(), way, to, reason,
		})
	}
	serves := "nothing"
	if current := release.Current(); !current.IsZero() {
		serves = "candidate " + string(current.Digest)
	}
	return fmt.Sprintf("Channel %s serves %s\n\n%s", release.Channel, serves, table)
}

// signer is a named person who moves a pointer, and says why.
type signer struct {
	as, reason  string
	yes, asJSON bool
	smoke       smoker // what the pointer was moved to
}

func (s *signer) addFlags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&s.as, "as", "", "name of the person who decides")
	flags.StringVar(&s.reason, "reason", "", "why")
	flags.BoolVar(&s.yes, "yes", false, "do not ask: what is shown is meant")
	flags.BoolVar(&s.asJSON, "json", false, "print what the channel points to as data")
	s.smoke.addFlags(flags)
}

// sign asks for what the flags leave open. sure is whether the candidate was named; instead is the flag that names it.
func (s *signer) sign(ctx context.Context, a *app, question string, sure bool, instead string) (err error) {
	if strings.TrimSpace(s.as) == "" {
		if s.as, err = a.ask(ctx, "\nYour name:", "--as NAME"); err != nil {
			return err
		}
	}
	if strings.TrimSpace(s.reason) == "" {
		if s.reason, err = a.ask(ctx, "\nWhy:", "--reason WHY"); err != nil {
			return err
		}
	}
	if sure || s.yes {
		return nil
	}
	agreed, err := a.confirm(ctx, fmt.Sprintf("\n%s, %s?", question, s.as), instead+" or --yes")
	if err == nil && !agreed {
		err = fault.New(fault.Transient, "nothing was changed")
	}
	return err
}

// decision is the signer's word on a candidate, now.
func (s *signer) decision(candidate spec.Digest, now time.Time) spec.Decision {
	return spec.Decision{
		Verdict: spec.Approved, Candidate: candidate, Reviewer: spec.Person(s.as), Reason: strings.TrimSpace(s.reason), DecidedAt: now.UTC(),
	}
}

// finish has what the channel was pointed to asked, and prints what it points to then.
func (s *signer) finish(ctx context.Context, a *app, store storage.Store, flipped spec.ReleaseResult, text string) error {
	result, err := s.smoke.after(ctx, a, store, flipped)
	if s.asJSON {
		return errors.Join(err, a.printJSON(result))
	}
	if err == nil {
		_, err = fmt.Fprintln(a.out, text)
	}
	return err
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
