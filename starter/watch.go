package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/starter/terminal"
)

const (
	lookEvery    = time.Second      // on a terminal
	defaultEvery = 10 * time.Second // between two lines in a pipe
)

func newWatch(a *app) *cobra.Command {
	var w watcher
	command := &cobra.Command{
		Use:   "watch [RUN]",
		Short: "Follow a run: a bar per adapter, or a line at a time",
		Long: `Follow a run until it waits for a reviewer's decision, or ends. On a terminal one
bar per adapter moves in place; in a pipe a line appears when the stage changes
and at most one every --every. Without RUN, the newest run is taken.

Exit codes: 0 the run waits for a decision or has ended well; 1 it failed, or the
watching was interrupted (the run itself goes on).`,
		Example: `  elara watch
  elara watch demo-20261122-190731 --until-done
  elara watch --json | jq .adapters`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, func(ctx context.Context, _ target, server client.Client, run runInfo) error {
				last, err := w.watch(ctx, a, server, run)
				if err != nil {
					return err
				}
				return a.conclude(ctx, server, last, w.json)
			})
		},
	}
	w.addFlags(command)
	return command
}

// watcher says how to watch.
type watcher struct {
	every     time.Duration
	json      bool
	untilDone bool // go on past the wait for a decision
}

func (w *watcher) addFlags(command *cobra.Command) {
	command.Flags().DurationVar(&w.every, "every", defaultEvery, "in a pipe, the shortest time between two lines")
	command.Flags().BoolVar(&w.json, "json", false, "one JSON object a line, each time something has changed")
	command.Flags().BoolVar(&w.untilDone, "until-done", false, "go on while the run waits for a decision")
}

// watch shows a run until it waits for a decision or is over, and gives the last view. A server or worker that does
// not answer is shown and waited for: the run outlives both.
func (w watcher) watch(ctx context.Context, a *app, server client.Client, run runInfo) (view, error) {
	show := w.display(a)
	observer := newObserver(server, run, a.now)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	courses := lossCourses{}
	var last view
	for {
		seen, err := observer.look(ctx)
		switch {
		case ctx.Err() != nil:
			return last, fault.WithHint(fault.New(fault.Transient, "interrupted; run %s goes on", run.Run), "see it again with elara watch %s", run.Run)
		case fault.Is(err, fault.Transient):
			last.Trouble = oneLine(err)
		case err != nil:
			return last, err
		default:
			courses.follow(seen.Adapters)
			last = seen
		}
		if err := show(last); err != nil {
			return last, err
		}
		if err == nil && (last.closed() || last.awaitsDecision() && !w.untilDone) {
			return last, nil
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// display gives the way to show a view: in place on a terminal, else a line when one is due.
func (w watcher) display(a *app) func(view) error {
	if a.outTerminal && !w.json {
		frame := terminal.NewFrame(a.out, a.width)
		plain := !terminal.UTF8(a.getenv)
		return func(v view) error {
			lines := v.frame(a.width())
			for i := 0; plain && i < len(lines); i++ {
				lines[i] = terminal.ASCII(terminal.Cut(lines[i], a.width()))
			}
			return frame.Draw(lines)
		}
	}
	lines := lineFilter{every: w.every, now: a.now}
	return func(v view) error {
		if !lines.due(v) {
			return nil
		}
		if w.json {
			return a.printJSON(v)
		}
		_, err := fmt.Fprintln(a.out, v.plain())
		return err
	}
}

// lineFilter lets a line through when the stage has changed, when the run is at an end, and otherwise when the line
// is new and enough time has passed.
type lineFilter struct {
	every time.Duration
	now   func() time.Time
	at    time.Time
	stage string
	text  string
}

func (f *lineFilter) due(v view) bool {
	timeless := v
	timeless.Elapsed = 0
	text, stage := timeless.plain(), v.Stage+v.State
	if text == f.text {
		return false
	}
	if stage == f.stage && f.now().Sub(f.at) < f.every {
		return false
	}
	f.at, f.stage, f.text = f.now(), stage, text
	return true
}

// conclude says how a watched run stands, and fails when it failed.
func (a *app) conclude(ctx context.Context, server client.Client, v view, asJSON bool) error {
	if v.awaitsDecision() {
		if !asJSON {
			fmt.Fprint(a.out, candidateText(v.Status))
			fmt.Fprintf(a.out, "\nDecide with   elara approve %s --as NAME   or   elara reject %s --as NAME\n", v.Run, v.Run)
		}
		return nil
	}
	if v.State == cancelled {
		return fmt.Errorf("run %s was cancelled at stage %s", v.Run, v.Stage)
	}
	var result spec.PipelineResult
	err := server.GetWorkflow(ctx, v.WorkflowID, "").Get(ctx, &result)
	if err != nil {
		return fmt.Errorf("run %s %s: %w", v.Run, v.State, connect.Fault(err))
	}
	if !asJSON {
		fmt.Fprint(a.out, resultText(result))
	}
	return nil
}
