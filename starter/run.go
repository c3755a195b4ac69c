package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"elara/configs"
	"elara/internal/connect"
	"elara/internal/version"
	"elara/spec"
	"elara/spec/fault"
	"elara/telemetry"
	"elara/workflows"
)

func newRun(a *app) *cobra.Command {
	var (
		w      watcher
		sets   []string
		id     string
		detach bool
	)
	command := &cobra.Command{
		Use:   "run PIPELINE.yaml",
		Short: "Start a pipeline and follow it",
		Long: `Start a pipeline and follow it as elara watch does. Nothing is uploaded: the paths in
the file are read by the worker. The run goes on when this command ends.

Exit codes: 0 the run waits for a decision or has ended well; 1 it failed, or the
watching was interrupted; 2 the pipeline file is not right.`,
		Example: `  elara run pipeline.yaml
  elara run pipeline.yaml --set defaults.training_args.max_steps=40 --detach
  elara run pipeline.yaml --set 'prepare.sources=[{path: new.csv, audience_column: audience}]'
  elara run pipeline.yaml --id winter-2026 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			overrides, err := parseSets(sets)
			if err != nil {
				return err
			}
			pipeline, err := a.loadPipeline(args[0], overrides)
			if err != nil {
				return err
			}
			t, err := a.target(cmd)
			if err != nil {
				return err
			}
			run, err := a.start(cmd.Context(), t, pipeline.Input, spec.RunID(id))
			if err != nil {
				return err
			}
			if err := a.started(run, t, detach, w.json); err != nil || detach {
				return err
			}
			server, err := t.dial(cmd.Context())
			if err != nil {
				return err
			}
			defer server.Close()
			last, err := w.watch(cmd.Context(), a, server, run)
			if err != nil {
				return err
			}
			return a.conclude(cmd.Context(), server, last, w.json)
		},
	}
	command.Flags().StringArrayVar(&sets, "set", nil, setHelp)
	command.Flags().StringVar(&id, "id", "", "name of the run (default: the pipeline's name and the time)")
	command.Flags().BoolVar(&detach, "detach", false, "print the run's name and leave")
	addSettings(command.Flags(), traceFlag)
	w.addFlags(command)
	return command
}

// setHelp is what --set says of itself, at every verb that has it.
const setHelp = "override one key of the file, as key.path=value, a list of blocks as [{key: value}]; may be given several times"

const (
	traceFlag  = "telemetry-otlp-endpoint"
	sendWithin = 5 * time.Second // bounds the sending of a trace: a receiver that is gone must not hold up the command
)

// parseSets reads key.path=value. What a value means is up to the key, so it is handed on as text.
func parseSets(sets []string) (map[string]any, error) {
	overrides := map[string]any{}
	for _, set := range sets {
		key, value, found := strings.Cut(set, "=")
		if !found || key == "" {
			return nil, fault.New(fault.Invalid, "--set %s: expected key.path=value", set)
		}
		if _, twice := overrides[key]; twice {
			return nil, fault.New(fault.Invalid, "--set %s: expected each key once", key)
		}
		overrides[key] = value
	}
	return overrides, nil
}

// loadPipeline reads a pipeline file and says what in it has no effect.
func (a *app) loadPipeline(path string, overrides map[string]any) (configs.Pipeline, error) {
	pipeline, err := configs.LoadPipeline(path, overrides)
	for _, warning := range pipeline.Warnings {
		a.say("warning: %s", warning)
	}
	return pipeline, err
}

// start begins the workflow, under a new name when none is given. It is the root of the run's trace.
func (a *app) start(ctx context.Context, t target, input spec.PipelineInput, id spec.RunID) (_ runInfo, err error) {
	if id == "" {
		id = a.runID(input.Name)
	}
	if err := id.Check(); err != nil {
		return runInfo{}, err
	}
	input.Run = id
	input.TrainQueue = t.settings.Queues.Train

	traces, err := telemetry.Start(ctx, telemetry.Options{
		Service: "elara", Version: version.Text(), OTLPEndpoint: t.settings.Telemetry.OTLPEndpoint, LogLevel: "warn", LogTo: a.err,
	})
	if err != nil {
		return runInfo{}, err
	}
	defer func() {
		sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendWithin)
		defer cancel()
		if sent := traces.Shutdown(sending); sent != nil {
			a.say("the trace was not sent: %s", oneLine(sent)) // the run is what counts, and it has started
		}
	}()
	var options client.Options
	if err := traces.Instrument(&options); err != nil {
		return runInfo{}, err
	}
	server, err := t.dialWith(ctx, options)
	if err != nil {
		return runInfo{}, err
	}
	defer server.Close()
	ctx, span := traces.Tracer().Start(ctx, "elara run")
	defer span.End()
	return a.launch(ctx, server, t, input)
}

// launch starts the workflow. A name that a run already has is refused: its results would be two runs'.
func (a *app) launch(ctx context.Context, server client.Client, t target, input spec.PipelineInput) (runInfo, error) {
	started, err := server.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       workflows.PipelineID(input.Run),
		TaskQueue:                                t.settings.Queues.Control,
		Priority:                                 workflows.PriorityOf(input.Lane),
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            summaryOf(input),
		StaticDetails:                            detailsOf(input),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.ElaraStage.ValueSet(spec.StagePrepare),
			workflows.ElaraBaseModel.ValueSet(baseName(input.Base)),
		),
	}, workflows.PipelineWorkflow, input)
	var taken *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &taken) {
		return runInfo{}, refuse(fault.Conflict, "", "a run named %s exists already; expected a new name", input.Run)
	}
	if err != nil {
		return runInfo{}, fmt.Errorf("start run %s: %w", input.Run, connect.Fault(err))
	}
	return runInfo{
		Run: input.Run, WorkflowID: started.GetID(), RunID: started.GetRunID(), Status: running,
		Stage: spec.StagePrepare, Base: baseName(input.Base), Started: a.now().UTC(),
	}, nil
}

// started says under what name the run goes and where to look at it.
func (a *app) started(run runInfo, t target, bare, asJSON bool) error {
	switch {
	case asJSON:
		return a.printJSON(run)
	case bare:
		_, err := fmt.Fprintln(a.out, run.Run)
		return err
	}
	a.say("run %s has started", run.Run)
	if t.ui != "" {
		a.say("watch it in a browser: %s", uiOf(t, run))
	}
	return nil
}

// uiOf is the run's page in Temporal's Web UI.
func uiOf(t target, run runInfo) string {
	return fmt.Sprintf("%s/namespaces/%s/workflows/%s/%s", t.ui, t.settings.Temporal.Namespace, run.WorkflowID, run.RunID)
}

// runID makes a name out of the pipeline's and the time, within what a run ID may be.
func (a *app) runID(pipeline string) spec.RunID {
	stamp := a.now().UTC().Format("20060102-150405")
	name := string(workflows.RunOf(pipeline))
	const longest = 64 // as spec.RunID says
	name = strings.TrimRight(name[:min(len(name), longest-len(stamp)-1)], "-")
	return spec.RunID(name + "-" + stamp)
}

// summaryOf and detailsOf are what the lists and pages of Temporal's Web UI say about a run, for a reader who is no
// engineer.
func summaryOf(in spec.PipelineInput) string {
	return fmt.Sprintf("%s: %d adapters on %s", in.Name, len(in.Adapters), baseName(in.Base))
}

func detailsOf(in spec.PipelineInput) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** trains on `%s` and asks for approval before channel `%s` changes.\n\n", in.Name, baseName(in.Base), in.Release.Channel)
	b.WriteString("| adapter | audience | rank | learning rate |\n|---|---|---|---|\n")
	for _, plan := range in.Adapters {
		fmt.Fprintf(&b, "| %s | %s | %d | %g |\n", plan.Name, plan.Audience, plan.LoRA.R, plan.Args.LearningRate)
	}
	return b.String()
}

// baseName is what people call the base model.
func baseName(base spec.BaseSource) string {
	switch {
	case base.Name != "":
		return base.Name
	case base.Path != "":
		return path.Base(base.Path)
	}
	return base.Artifact.Digest.Short()
}
