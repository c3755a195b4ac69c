package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/internal/setup"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/workflows"
)

// smokeWait is how long a command waits for the check that follows a flip, where --wait does not say.
const smokeWait = 5 * time.Minute

// smoker lets the workers ask what a channel points to, as a run does after its own flip.
type smoker struct {
	target target
	wait   time.Duration
}

func (s *smoker) addFlags(flags *pflag.FlagSet) {
	flags.DurationVar(&s.wait, "wait", smokeWait, "how long to wait for the smoke check; it goes on without you")
}

func newReleaseSmoke(a *app) *cobra.Command {
	var s smoker
	var asJSON bool
	command := &cobra.Command{
		Use:   "smoke CHANNEL",
		Short: "Ask what a channel serves, and take it back where it does not answer",
		Long: `Load every adapter that a channel serves from the store, on its own device, and ask it the
release.smoke_question of its run. One that does not verify, does not load, has a loss that
is not finite or says nothing takes the release back: the channel serves what it did
before, or nothing. promote and rollback do this by themselves; here it is done again, or
made up for where no worker was up.

Exit codes: 0 all have answered; 2 the release was taken back, or there is nothing to ask;
1 anything else: nobody knows yet.`,
		Example: `  elara release smoke stable
  elara release smoke stable --wait 30m`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withChannel(cmd, &s, func(ctx context.Context, store storage.Store) error {
				release, err := currentRelease(ctx, store, args[0])
				if err != nil {
					return err
				}
				if release.Current().IsZero() {
					return refuse(fault.NotFound, "", "channel %s serves nothing", args[0])
				}
				result, err := s.ask(ctx, a, store, release.Last())
				if asJSON && (err == nil || result.TakenBack != "") {
					err = errors.Join(err, a.printJSON(result))
				}
				return err
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print what the channel points to as data")
	s.addFlags(command.Flags())
	return command
}

// withChannel opens the object store for a verb that is followed by a check.
func (a *app) withChannel(cmd *cobra.Command, s *smoker, use func(context.Context, storage.Store) error) error {
	var err error
	if s.target, err = a.target(cmd); err != nil {
		return err
	}
	store, err := s.target.store(cmd.Context())
	if err != nil {
		return err
	}
	return use(cmd.Context(), store)
}

// after asks what a channel has just been pointed to. A check that cannot be made, or has not ended, fails nothing: the flip
// stands, and a roll-back that is asked for again would go back twice. It is said, and is part of the result.
func (s *smoker) after(ctx context.Context, a *app, store storage.Store, flipped spec.ReleaseResult) (spec.ReleaseResult, error) {
	result, err := s.ask(ctx, a, store, flipped)
	if err == nil || result.TakenBack != "" {
		return result, err
	}
	result.Unchecked = oneLine(err)
	a.say("warning: nobody knows whether what channel %s points to answers: %s", flipped.Channel, result.Unchecked)
	return result, nil
}

// ask gives what the channel points to after the check. A release that was taken back is a refusal; any other error leaves
// open what the check will say.
func (s *smoker) ask(ctx context.Context, a *app, store storage.Store, flipped spec.ReleaseResult) (spec.ReleaseResult, error) {
	release, err := artifact.Current(ctx, store, flipped.Channel)
	if err != nil {
		return flipped, err
	}
	if release.Current().Digest != flipped.Current {
		return flipped, fault.New(fault.Conflict, "the channel serves %s by now", servedText(release.Current().Digest))
	}
	plan := release.Smoke(flipped.Current)
	if plan.IsZero() {
		return flipped, refuse(fault.NotFound, "", "candidate %s was released without a release.smoke_question", flipped.Current.Short())
	}
	taken, err := s.run(ctx, a, spec.SmokeReleaseInput{Channel: flipped.Channel, Candidate: release.Current(), Smoke: plan})
	if err != nil {
		return flipped, err
	}
	if taken.TakenBack != "" {
		return taken, refuse(fault.Diverged, fmt.Sprintf("elara release history %s", taken.Channel),
			"the release is taken back: %s; channel %s serves %s", taken.TakenBack, taken.Channel, servedText(taken.Current))
	}
	a.say("%d adapters have answered the smoke question", len(plan.Targets))
	return flipped, nil
}

// run starts the check, or finds the one under way, and waits for it.
func (s *smoker) run(ctx context.Context, a *app, in spec.SmokeReleaseInput) (taken spec.ReleaseResult, err error) {
	later := "elara release smoke " + in.Channel + " asks it"
	server, err := s.target.dial(ctx)
	if err != nil {
		return taken, fault.WithHint(err, "once Temporal answers, %s", later)
	}
	defer server.Close()
	id := workflows.SmokeID(in.Channel, in.Candidate.Digest)
	in.Run = workflows.RunOf(id)
	check, err := server.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: s.target.settings.Queues.Control, Priority: workflows.PriorityOf(spec.LaneEmergency),
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            fmt.Sprintf("smoke check of channel %s, candidate %s", in.Channel, in.Candidate.Digest.Short()),
	}, workflows.SmokeWorkflow, in)
	if err != nil {
		return taken, fault.WithHint(connect.Fault(err), "%s", later)
	}
	if waits := s.unattended(ctx, server, in.Smoke); waits != "" {
		a.say("the smoke check waits, at most %s: %s", s.wait, waits)
	}
	waiting, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	failure := connect.Fault(check.Get(waiting, &taken))
	if !fault.Is(failure, fault.Transient) || ctx.Err() != nil {
		return taken, failure
	}
	waits := s.unattended(ctx, server, in.Smoke)
	if waits == "" {
		waits = "the workers are busy"
	}
	return taken, fault.New(fault.Transient,
		"the smoke check %s is not known to have ended within %s: %s; it goes on by itself, and takes the release back where "+
			"an adapter does not answer (elara release history %s)", id, s.wait, waits, in.Channel)
}

// unattended says of the first queue that the check needs and no worker polls what to do; empty where all are polled. Temporal
// forgets a worker some minutes after its last poll.
func (s *smoker) unattended(ctx context.Context, server client.Client, plan spec.SmokePlan) string {
	checks := []setup.Check{workerCheck(ctx, server, "worker", s.target.settings.Queues.Control, enums.TASK_QUEUE_TYPE_WORKFLOW)}
	var looked []string
	for _, asked := range plan.Targets {
		if queue := workflows.DeviceQueue(plan.TrainQueue, asked.Device); !slices.Contains(looked, queue) {
			looked = append(looked, queue)
			checks = append(checks, workerCheck(ctx, server, "device worker", queue, enums.TASK_QUEUE_TYPE_ACTIVITY))
		}
	}
	for _, check := range checks {
		if !check.OK {
			return fmt.Sprintf("%s: found %s, expected %s (%s)", check.Name, check.Found, check.Expected, check.Remedy)
		}
	}
	return ""
}
