package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"elara/configs"
	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/starter/devstack"
	"elara/starter/terminal"
	"elara/storage"
)

// demoOptions are the flags of elara demo.
type demoOptions struct {
	base, data, approveAs string
	keep                  bool
}

func newDemo(a *app) *cobra.Command {
	var o demoOptions
	command := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole chain on this machine: from question-and-answer rows to four approved adapters",
		Long: `Write sample data, start the stack of this machine unless it runs, train four adapters
on a real language model, compare each with its base on held-out rows, ask for your
approval, release, and show what was learnt. The stack goes on afterwards; elara down
stops it. With CI=true in the environment nobody is asked: the demo approves by itself,
says so, and stops the stack it started.

Exit codes: 0 done; 1 something failed; 2 bad input.`,
		Example: `  elara demo
  elara demo --base tiny --approve-as "Person A"
  elara demo --data ./my-csv-folder`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd, o) },
	}
	flags := command.Flags()
	addSettings(flags, traceFlag)
	flags.StringVar(&o.base, "base", baseSmolLM2, "smollm2, tiny (random weights, for a quick look), or the path of a model")
	flags.StringVar(&o.data, "data", "", "folder of CSV files with the columns question and answer (default: the sample data)")
	flags.StringVar(&o.approveAs, "approve-as", "", "approve by this name instead of asking")
	flags.BoolVar(&o.keep, "keep", false, "leave the stack running, with CI=true too")
	return command
}

// demo is one run of the chain, told from the beginning to the end.
func (a *app) demo(cmd *cobra.Command, o demoOptions) (err error) {
	ctx, begun := cmd.Context(), a.now()
	inCI, _ := strconv.ParseBool(a.getenv("CI")) // what is no truth value does not ask for CI's ways
	if !inCI && o.approveAs == "" && !a.inTerminal {
		return fault.New(fault.Invalid, "there is no terminal to ask for approval at; expected --approve-as NAME or CI=true")
	}
	folder, err := a.state()
	if err != nil {
		return err
	}
	pipeline, err := a.demoPipeline(ctx, o, folder)
	if err != nil {
		return err
	}

	started, err := a.ensureStack(ctx, folder)
	if err != nil {
		return err
	}
	if started && inCI && !o.keep {
		defer func() { err = errors.Join(err, a.stopStack(ctx, folder)) }()
	}
	settings, err := configs.LoadSettings(a.configFile, cmd.Flags())
	if err != nil {
		return err
	}
	t, err := stackTarget(folder, settings.Telemetry)
	if err != nil {
		return err
	}
	server, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer server.Close()

	run, err := a.start(ctx, t, pipeline.Input, "")
	if err != nil {
		return err
	}
	a.say("run %s has started; watch it in a browser: %s", run.Run, uiOf(t, run))
	last, err := watcher{every: defaultEvery}.watch(ctx, a, server, run)
	if err != nil {
		return err
	}
	if last.awaitsDecision() {
		approved, err := a.demoApproval(ctx, server, run, last.Status, pipeline.Input.Release.Channel, o, inCI)
		if err != nil {
			return err
		}
		if !approved {
			a.say("nothing was decided; the run waits: elara approve %s --as NAME", run.Run)
			return nil
		}
	}
	var result spec.PipelineResult
	if err := server.GetWorkflow(ctx, run.WorkflowID, run.RunID).Get(ctx, &result); err != nil {
		err = fmt.Errorf("run %s: %w", run.Run, connect.Fault(err))
		if fault.Is(err, fault.Invalid) {
			return err
		}
		return fault.WithHint(err, "the worker's log is %s", devstack.LogPath(folder, "worker"))
	}
	store, err := t.store(ctx)
	if err != nil {
		return err
	}
	report, err := a.demoReport(ctx, store, pipeline.Input, result, folder)
	if err != nil {
		return err
	}
	report.UI, report.Curves, report.Took = uiOf(t, run), t.curves(run.Run), a.now().Sub(begun)
	if report.Peaks, err = peaks(folder); err != nil {
		return err
	}
	_, err = fmt.Fprint(a.out, report.text(min(a.width(), widestText)))
	return err
}

// The base models that have a name.
const (
	baseSmolLM2 = "smollm2"
	baseTiny    = "tiny"
)

// demoPipeline resolves data and base and loads the built-in pipeline with them.
func (a *app) demoPipeline(ctx context.Context, o demoOptions, folder string) (configs.Pipeline, error) {
	base, err := demoBase(ctx, o.base, folder)
	if err != nil {
		return configs.Pipeline{}, err
	}
	source, err := a.demoSource(o.data, folder)
	if err != nil {
		return configs.Pipeline{}, err
	}
	name := "demo"
	if o.base == baseTiny {
		name = "demo-tiny"
	}
	return configs.LoadDemo(name, map[string]any{"base.path": base, "prepare.sources": []any{source}})
}

// ensureStack starts the stack of the folder unless it runs, and tells whether it did.
func (a *app) ensureStack(ctx context.Context, folder string) (started bool, err error) {
	record, err := devstack.Find(folder)
	if err == nil {
		a.say("using the stack that runs in %s; Temporal's Web UI: %s", folder, record.UI)
		return false, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return false, err
	}
	begun := a.now()
	record, err = startDetached(ctx, folder, nil)
	if err != nil {
		return false, err
	}
	a.say("Temporal, the S3 gateway and a worker answer after %s; Web UI: %s", terminal.Duration(a.now().Sub(begun)), record.UI)
	return true, nil
}

func (a *app) stopStack(ctx context.Context, folder string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err := devstack.Down(ctx, folder); err != nil {
		return fmt.Errorf("stop the stack: %w", err)
	}
	a.say("the stack is stopped, as CI=true asks; its state stays in %s", folder)
	return nil
}

// ciReviewer is the name that a decision made without a person carries: it must not look like one.
const ciReviewer = "CI (no person looked)"

// demoApproval decides on the candidate: the person at the terminal, who sees what it is about, or nobody, which is said.
func (a *app) demoApproval(
	ctx context.Context, server client.Client, run runInfo, status spec.PipelineStatus, channel string, o demoOptions, inCI bool,
) (approved bool, err error) {
	decision := spec.Decision{Verdict: spec.Approved, Candidate: status.Candidate.Digest, Reviewer: o.approveAs}
	switch {
	case decision.Reviewer != "":
		a.say("approving candidate %s as %s, as --approve-as says, without asking", decision.Candidate.Short(), decision.Reviewer)
	case inCI:
		decision.Reviewer = ciReviewer
		a.say("approving candidate %s without asking, as CI=true says", decision.Candidate.Short())
	default:
		fmt.Fprint(a.out, candidateText(status))
		question := fmt.Sprintf("\nApprove candidate %s for channel %s?", decision.Candidate.Short(), channel)
		sure, err := a.confirm(ctx, question, "--approve-as NAME")
		if err != nil || !sure {
			return false, err
		}
		if decision.Reviewer, err = a.ask(ctx, "Your name:", "--approve-as NAME"); err != nil {
			return false, err
		}
	}
	_, err = decide(ctx, server, run, decision)
	return err == nil, err
}

// demoReport exports the adapters beside the state and gathers what there is to show.
func (a *app) demoReport(ctx context.Context, store storage.Store, input spec.PipelineInput, result spec.PipelineResult, folder string) (demoReport, error) {
	report := demoReport{Input: input, Result: result, Adapters: filepath.Join(folder, "adapters")}
	for _, adapter := range result.Adapters {
		dir := filepath.Join(report.Adapters, string(adapter.Adapter))
		if err := os.RemoveAll(dir); err != nil { // of an earlier demo
			return report, fmt.Errorf("replace %s: %w", dir, err)
		}
		if err := pull(ctx, store, adapter.Ref, dir); err != nil {
			return report, fmt.Errorf("export adapter %s: %w", adapter.Adapter, err)
		}
		if err := writeCard(ctx, store, result.Gates, adapter.Adapter, dir); err != nil {
			return report, fmt.Errorf("write the card of %s: %w", adapter.Adapter, err)
		}
	}
	for i, score := range result.Evaluate.Scores {
		answers, err := readAnswers(ctx, store, score.Report)
		if err != nil {
			return report, fmt.Errorf("read the answers of %s: %w", score.Adapter, err)
		}
		if len(answers) > 0 { // each audience shows another question
			report.Answers = append(report.Answers, shownAnswer{Adapter: score.Adapter, answer: answers[i%len(answers)]})
		}
	}
	return report, nil
}
