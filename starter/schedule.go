package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"elara/configs"
	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/starter/terminal"
	"elara/workflows"
)

func newSchedule(a *app) *cobra.Command {
	command := &cobra.Command{
		Use:   "schedule",
		Short: "Retrain by the clock",
		Long: `Create, look at and steer the retraining schedules. A schedule never starts a run
while its last one goes on, makes up for missed runs within hours only, and a stage
whose inputs have not changed is skipped with its reason.`,
		Example: `  elara schedule create pipeline.yaml
  elara schedule list
  elara schedule pause medical-adapters --note "new data is being checked"`,
	}
	return group(command,
		newScheduleCreate(a), newScheduleList(a),
		newScheduleAct(a, "trigger", "Start a run of a schedule now", "a run of %s has been asked for",
			func(ctx context.Context, h client.ScheduleHandle, _ string) error {
				return h.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP})
			}),
		newScheduleAct(a, "pause", "Keep a schedule from starting runs", "%s is paused",
			func(ctx context.Context, h client.ScheduleHandle, note string) error {
				return h.Pause(ctx, client.SchedulePauseOptions{Note: note})
			}),
		newScheduleAct(a, "unpause", "Let a paused schedule go on", "%s goes on",
			func(ctx context.Context, h client.ScheduleHandle, note string) error {
				return h.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note})
			}),
		newScheduleAct(a, "delete", "Remove a schedule; its runs stay", "%s is removed",
			func(ctx context.Context, h client.ScheduleHandle, _ string) error { return h.Delete(ctx) }),
	)
}

func newScheduleCreate(a *app) *cobra.Command {
	var (
		sets         []string
		cron         string
		every        time.Duration
		catchupHours float64
		paused       bool
	)
	command := &cobra.Command{
		Use:   "create PIPELINE.yaml",
		Short: "Create the schedule of a pipeline",
		Long: `Create the schedule that a pipeline file describes in its schedule block; the flags
win over the block. Times are UTC.`,
		Example: `  elara schedule create pipeline.yaml
  elara schedule create pipeline.yaml --cron "30 2 * * mon" --paused
  elara schedule create pipeline.yaml --every 168h --catchup-hours 12`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			overrides, err := parseSets(sets)
			if err != nil {
				return err
			}
			for flag, key := range map[string]string{"cron": "schedule.cron", "every": "schedule.every", "catchup-hours": "schedule.catchup_hours", "paused": "schedule.paused"} {
				if cmd.Flags().Changed(flag) {
					overrides[key] = cmd.Flags().Lookup(flag).Value.String()
				}
			}
			pipeline, err := a.loadPipeline(args[0], overrides)
			if err != nil {
				return err
			}
			if pipeline.Schedule.IsZero() {
				return fault.At(args[0], 0, "schedule: expected a block with cron or every, or --cron or --every")
			}
			return a.withSchedules(cmd, func(ctx context.Context, t target, schedules client.ScheduleClient) error {
				options := scheduleOptions(pipeline, t)
				_, err := schedules.Create(ctx, options)
				if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
					return refuse(fault.Conflict, "elara schedule delete "+pipeline.Input.Name+" removes it",
						"pipeline %s has a schedule already", pipeline.Input.Name)
				}
				if err != nil {
					return fmt.Errorf("create the schedule: %w", connect.Fault(err))
				}
				_, err = fmt.Fprintf(a.out, "%s\n", pipeline.Input.Name)
				return err
			})
		},
	}
	command.Flags().StringArrayVar(&sets, "set", nil, setHelp)
	command.Flags().StringVar(&cron, "cron", "", "five fields, UTC")
	command.Flags().DurationVar(&every, "every", 0, "time between two runs")
	command.Flags().Float64Var(&catchupHours, "catchup-hours", 0, "runs missed longer ago than this are not made up for")
	command.Flags().BoolVar(&paused, "paused", false, "create it, but let it start nothing yet")
	return command
}

// scheduleOptions turns a pipeline's schedule into Temporal's. Runs are named by the workflow, after their time.
func scheduleOptions(p configs.Pipeline, t target) client.ScheduleOptions {
	input := p.Input
	input.Run = ""
	input.TrainQueue = t.settings.Queues.Train
	options := client.ScheduleOptions{
		ID: workflows.ScheduleID(input.Name),
		Action: &client.ScheduleWorkflowAction{
			ID:            workflows.ScheduledPipelineID(input.Name),
			Workflow:      workflows.PipelineWorkflow,
			Args:          []any{input},
			TaskQueue:     t.settings.Queues.Control,
			Priority:      workflows.PriorityOf(input.Lane),
			StaticSummary: summaryOf(input),
			StaticDetails: detailsOf(input),
			TypedSearchAttributes: temporal.NewSearchAttributes(
				workflows.ElaraStage.ValueSet(spec.StagePrepare),
				workflows.ElaraBaseModel.ValueSet(baseName(input.Base)),
			),
		},
		Spec:           client.ScheduleSpec{Jitter: p.Schedule.Jitter},
		Overlap:        enums.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow:  time.Duration(p.Schedule.CatchupHours * float64(time.Hour)),
		PauseOnFailure: p.Schedule.PauseOnFailure,
		Paused:         p.Schedule.Paused,
	}
	if p.Schedule.Cron != "" {
		options.Spec.CronExpressions = []string{p.Schedule.Cron}
	} else {
		options.Spec.Intervals = []client.ScheduleIntervalSpec{{Every: p.Schedule.Every}}
	}
	return options
}

// scheduleInfo is one schedule as it is listed.
type scheduleInfo struct {
	Pipeline string     `json:"pipeline"`
	Paused   bool       `json:"paused"`
	Note     string     `json:"note,omitempty"`
	Next     time.Time  `json:"next,omitzero"`
	LastRun  spec.RunID `json:"last_run,omitempty"`
}

func newScheduleList(a *app) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:     "list",
		Short:   "List the schedules",
		Example: "  elara schedule list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withSchedules(cmd, func(ctx context.Context, _ target, schedules client.ScheduleClient) error {
				list, err := listSchedules(ctx, schedules)
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(append([]scheduleInfo{}, list...))
				}
				if len(list) == 0 {
					a.say("there is no schedule yet; create one with elara schedule create PIPELINE.yaml")
					return nil
				}
				_, err = fmt.Fprint(a.out, scheduleTable(list))
				return err
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

func listSchedules(ctx context.Context, schedules client.ScheduleClient) ([]scheduleInfo, error) {
	prefix := workflows.ScheduleID("")
	entries, err := schedules.List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, connect.Fault(err)
	}
	var list []scheduleInfo
	for entries.HasNext() {
		entry, err := entries.Next()
		if err != nil {
			return nil, connect.Fault(err)
		}
		pipeline, ours := strings.CutPrefix(entry.ID, prefix)
		if !ours {
			continue
		}
		info, err := describeSchedule(ctx, schedules.GetHandle(ctx, entry.ID), pipeline)
		if fault.Is(err, fault.NotFound) {
			continue // removed since it was listed
		}
		if err != nil {
			return nil, err
		}
		list = append(list, info)
	}
	return list, nil
}

// describeSchedule asks the schedule itself: the list of them lags behind what they have done.
func describeSchedule(ctx context.Context, handle client.ScheduleHandle, pipeline string) (scheduleInfo, error) {
	described, err := handle.Describe(ctx)
	if err != nil {
		return scheduleInfo{}, connect.Fault(err)
	}
	state := described.Schedule.State
	info := scheduleInfo{Pipeline: pipeline, Paused: state.Paused, Note: state.Note}
	if next := described.Info.NextActionTimes; len(next) > 0 {
		info.Next = next[0].UTC()
	}
	if recent := described.Info.RecentActions; len(recent) > 0 && recent[len(recent)-1].StartWorkflowResult != nil {
		info.LastRun = workflows.RunOf(recent[len(recent)-1].StartWorkflowResult.WorkflowID)
	}
	return info, nil
}

func scheduleTable(list []scheduleInfo) string {
	table := terminal.Table{Header: []string{"pipeline", "state", "next (UTC)", "last run", "note"}}
	for _, s := range list {
		state, next := "active", ""
		if s.Paused {
			state = "paused"
		} else if !s.Next.IsZero() {
			next = s.Next.Format("2006-01-02 15:04")
		}
		table.Rows = append(table.Rows, []string{s.Pipeline, state, next, string(s.LastRun), s.Note})
	}
	return table.String()
}

// newScheduleAct makes a verb that does one thing to one schedule.
func newScheduleAct(a *app, verb, short, done string, act func(context.Context, client.ScheduleHandle, string) error) *cobra.Command {
	var note string
	command := &cobra.Command{
		Use:     verb + " PIPELINE",
		Short:   short,
		Example: fmt.Sprintf("  elara schedule %s medical-adapters", verb),
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSchedules(cmd, func(ctx context.Context, _ target, schedules client.ScheduleClient) error {
				err := connect.Fault(act(ctx, schedules.GetHandle(ctx, workflows.ScheduleID(args[0])), note))
				if fault.Is(err, fault.NotFound) {
					return refuse(fault.NotFound, "elara schedule list shows those there are", "pipeline %s has no schedule", args[0])
				}
				if err != nil {
					return fmt.Errorf("%s the schedule of %s: %w", verb, args[0], err)
				}
				a.say(done, args[0])
				return nil
			})
		},
	}
	if verb == "pause" || verb == "unpause" {
		command.Flags().StringVar(&note, "note", "", "why, for whoever lists the schedules")
	}
	return command
}

func (a *app) withSchedules(cmd *cobra.Command, use func(context.Context, target, client.ScheduleClient) error) error {
	return a.withServer(cmd, func(ctx context.Context, t target, server client.Client) error {
		return use(ctx, t, server.ScheduleClient())
	})
}
