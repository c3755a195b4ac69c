package main

import (
	"fmt"
	"strings"
	"time"

	"elara/spec"
	"elara/starter/terminal"
)

// view is a run at one moment, put together from all that can be asked. It is data: nothing here asks.
type view struct {
	Run        spec.RunID          `json:"run"`
	WorkflowID string              `json:"workflow_id"`
	State      string              `json:"state"` // of the workflow: running, completed, failed, cancelled, ...
	Stage      string              `json:"stage"`
	Elapsed    time.Duration       `json:"elapsed_ns"`
	Adapters   []adapterView       `json:"adapters,omitempty"`
	Now        spec.Progress       `json:"now,omitzero"`      // of the preparation or the evaluation, while one is under way
	Queued     bool                `json:"queued,omitempty"`  // it waits for a worker to take it
	Asked      spec.RunID          `json:"asked,omitempty"`   // collection in which people are asked, while the stage rlhf waits for them
	Trouble    string              `json:"trouble,omitempty"` // why the stage does not go on, if it does not
	Status     spec.PipelineStatus `json:"-"`
}

// adapterView is one adapter of a run.
type adapterView struct {
	Adapter   spec.AdapterName `json:"adapter"`
	TrainRows int64            `json:"train_rows"`
	EvalRows  int64            `json:"eval_rows"`
	Progress  spec.Progress    `json:"progress,omitzero"`
	Done      bool             `json:"done"`
	Unchanged string           `json:"unchanged,omitempty"` // why nothing had to be trained
	Queued    bool             `json:"queued,omitempty"`    // it waits for a worker with a device
	Trouble   string           `json:"trouble,omitempty"`
	Left      time.Duration    `json:"left_ns,omitempty"` // estimate; 0: not known
	Losses    []float64        `json:"-"`                 // seen so far, for the sparkline
}

// stages are the steps of the run's pipeline in order.
func (v view) stages() []string {
	all := []string{spec.StagePrepare, spec.StageBase}
	if v.Status.Pretrain != nil {
		all = append(all, spec.StagePretrain)
	}
	all = append(all, spec.StageTrain)
	if v.Status.RLHF != nil {
		all = append(all, spec.StageRLHF)
	}
	if v.Status.Merge != nil {
		all = append(all, spec.StageMerge)
	}
	if v.Status.Distill != nil {
		all = append(all, spec.StageDistill)
	}
	all = append(all, spec.StageEvaluate, spec.StageApproval, spec.StageRelease)
	if v.Status.Export != nil {
		all = append(all, spec.StageExport)
	}
	return all
}

// awaitsDecision reports whether the run waits for a reviewer.
func (v view) awaitsDecision() bool {
	return v.Stage == spec.StageApproval && v.Status.Decision.Verdict == "" && !v.Status.Candidate.IsZero()
}

// closed reports whether the run is over.
func (v view) closed() bool { return v.State != "" && v.State != running }

// place is the number of the stage that the run is in; the number of stages when all are behind it.
func (v view) place() int {
	stages := v.stages()
	for i, stage := range stages {
		if v.Stage == stage {
			return i
		}
	}
	if v.Stage == spec.StageDone {
		return len(stages)
	}
	return -1
}

// frame draws the view for a terminal of this width.
func (v view) frame(width int) []string {
	title := fmt.Sprintf("  run %s", v.Run)
	if v.Status.Name != "" {
		title += " · " + v.Status.Name
	}
	lines := []string{"", title + " · " + terminal.Duration(v.Elapsed), ""}
	place := v.place()
	for i, stage := range v.stages() {
		sign, note := "○", ""
		switch {
		case i < place:
			sign, note = "✓", v.behind(stage)
		case i == place && v.closed():
			sign = "✗"
		case i == place:
			sign, note = "●", v.under(stage)
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("  %s %-10s %s", sign, stage, note), " "))
		if stage == spec.StageTrain && i <= place {
			for _, a := range v.Adapters {
				if v.closed() {
					a.Left = 0 // it will not go on
				}
				lines = append(lines, a.line(v.nameWidth(), v.sparkWidth(width), width))
			}
		}
	}
	if v.Trouble != "" {
		lines = append(lines, "", "  ! "+v.Trouble)
	}
	return append(lines, "")
}

// behind says what a finished stage came to, as far as it is known.
func (v view) behind(stage string) string {
	if v.Status.Stage == "" {
		return ""
	}
	switch stage {
	case spec.StagePrepare:
		var train, held int64
		for _, a := range v.Adapters {
			train, held = train+a.TrainRows, held+a.EvalRows
		}
		note := fmt.Sprintf("%s rows to train on, %s held out", terminal.Count(train), terminal.Count(held))
		if reason := skippedReason(v.Status, "prepare/clean"); reason != "" {
			note += " · unchanged"
		}
		return note
	case spec.StageBase:
		if p := v.Status.Pretrain; p != nil {
			return terminal.Bytes(p.Base.SizeBytes)
		}
		return terminal.Bytes(v.Status.Base.SizeBytes)
	case spec.StagePretrain:
		if reason := skippedReason(v.Status, stage); reason != "" {
			return zeroed + ": " + reason
		}
		p := v.Status.Pretrain
		return fmt.Sprintf("%s steps over all weights, %s documents", terminal.Count(p.Steps), terminal.Count(p.Documents))
	case spec.StageRLHF:
		stopped := 0
		for _, s := range v.Status.RLHF {
			if len(s.Alarms) > 0 {
				stopped++
			}
		}
		note := fmt.Sprintf("%d adapters aligned by %s", len(v.Status.RLHF), v.Status.RLHF[0].Method)
		if stopped > 0 {
			note += fmt.Sprintf(", %d stopped by the guard", stopped)
		}
		return note
	case spec.StageMerge:
		if reason := skippedReason(v.Status, stage); reason != "" {
			return zeroed + ": " + reason
		}
		m := v.Status.Merge
		return fmt.Sprintf("%d ways, best %s: %s", len(m.Candidates), m.Candidates[0].Method.Name, m.Best.Digest.Short())
	case spec.StageDistill:
		if reason := skippedReason(v.Status, stage); reason != "" {
			return zeroed + ": " + reason
		}
		d := v.Status.Distill
		return fmt.Sprintf("%s steps, student of %s: %s", terminal.Count(d.Steps), d.Teacher, d.Student.Digest.Short())
	case spec.StageEvaluate:
		return fmt.Sprintf("%d adapters measured", len(v.Status.Scores))
	case spec.StageApproval:
		if d := v.Status.Decision; d.Verdict != "" {
			return decisionText(d)
		}
		if g := v.Status.Gates; g != nil && v.Status.Stage == spec.StageDone {
			return "nobody was asked, the gates say: " + string(g.Verdict)
		}
		return skippedReason(v.Status, stage)
	case spec.StageRelease:
		switch released := v.Status.Release; {
		case released.Refused != "":
			return "not released: " + released.Refused
		case released.TakenBack != "":
			return "taken back: " + released.TakenBack
		case v.Status.Decision.Verdict == spec.Approved:
			return "released"
		}
		if reason := skippedReason(v.Status, stage); reason != "" {
			return reason
		}
		return "not released"
	case spec.StageExport:
		return fmt.Sprintf("%d models written", len(v.Status.Export.Exports))
	}
	return ""
}

// under says how far the stage that is under way has come.
func (v view) under(stage string) string {
	if v.awaitsDecision() {
		return "candidate " + v.Status.Candidate.Digest.Short() + " waits for a reviewer's decision"
	}
	if stage == spec.StageRLHF && v.Asked != "" {
		return "people are asked: elara preferences status " + string(v.Asked)
	}
	if v.Now.TotalSteps == 0 || v.Now.Stage != stage && stage != spec.StageRLHF {
		if v.Queued {
			return queued
		}
		return ""
	}
	if stage == spec.StageExport {
		return fmt.Sprintf("%s of %s", terminal.Bytes(v.Now.Step), terminal.Bytes(v.Now.TotalSteps))
	}
	note := fmt.Sprintf("%s of %s", terminal.Count(v.Now.Step), terminal.Count(v.Now.TotalSteps))
	switch v.Now.Adapter {
	case spec.TeacherName:
		return "the teacher is asked: " + note + " parts"
	case spec.ControlName:
		note = "without the teacher: " + note
	}
	if stage == spec.StagePretrain || stage == spec.StageDistill {
		return note + fmt.Sprintf(" steps · loss %.3f · %.0f tok/s", v.Now.Loss, v.Now.TokensPerSecond)
	}
	if v.Now.Adapter != "" {
		note = string(v.Now.Adapter) + " " + note
	}
	if v.Now.Stage == spec.StagePPO && v.Now.Metrics != nil {
		note += fmt.Sprintf(" · reward %.3f · KL %.2f", v.Now.Metrics["objective/scores"], v.Now.Metrics["objective/kl"])
	}
	return note
}

func (v view) nameWidth() int {
	width := 0
	for _, a := range v.Adapters {
		width = max(width, len(a.Adapter))
	}
	return width
}

// The columns of an adapter's line beside its name and its bar, and what a bar may measure.
const (
	figuresWidth    = 50
	narrowest       = 8
	widest          = 30
	adapterSpacing  = 8
	sparkRoom       = 18 // a sparkline and the gap behind it
	waiting, zeroed = "waiting", "nothing to do"
	queued          = "waits for a worker"
)

// sparkWidth is the room for sparklines: none where no loss has a course yet, or where the terminal is narrow.
func (v view) sparkWidth(width int) int {
	for _, a := range v.Adapters {
		if len(a.Losses) > 1 && width >= v.nameWidth()+adapterSpacing+narrowest+sparkRoom+figuresWidth {
			return sparkRoom
		}
	}
	return 0
}

// line draws one adapter: bar, course of the loss, steps, loss, speed, time left.
func (a adapterView) line(nameWidth, sparkWidth, width int) string {
	head := fmt.Sprintf("      %-*s  ", nameWidth, a.Adapter)
	p := a.Progress
	switch {
	case a.Unchanged != "":
		return head + zeroed + ": " + a.Unchanged
	case p.TotalSteps == 0 && a.Trouble != "":
		return head + a.Trouble
	case p.TotalSteps == 0 && a.Queued:
		return head + queued
	case p.TotalSteps == 0:
		return head + waiting
	}
	bar := min(widest, max(narrowest, width-nameWidth-adapterSpacing-sparkWidth-figuresWidth))
	head += terminal.Bar(p.Step, p.TotalSteps, bar) + "  "
	if sparkWidth > 0 {
		head += fmt.Sprintf("%-*s", sparkWidth, terminal.Spark(a.Losses, sparkWidth-2))
	}
	return head + a.figures()
}

// figures prints the numbers of a training.
func (a adapterView) figures() string {
	p := a.Progress
	digits := len(fmt.Sprint(p.TotalSteps))
	parts := []string{fmt.Sprintf("%*d/%d", digits, p.Step, p.TotalSteps)}
	if p.Loss != 0 {
		parts = append(parts, fmt.Sprintf("loss %.3f", p.Loss))
	}
	if p.TokensPerSecond != 0 {
		parts = append(parts, fmt.Sprintf("%.0f tok/s", p.TokensPerSecond))
	}
	switch {
	case a.Done:
		parts = append(parts, "done")
	case a.Trouble != "":
		parts = append(parts, a.Trouble)
	case a.Queued:
		parts = append(parts, queued)
	case a.Left > 0:
		parts = append(parts, terminal.Duration(a.Left)+" left")
	}
	return strings.Join(parts, "  ")
}

// plain prints the view on one line, for a pipe or a log.
func (v view) plain() string {
	line := fmt.Sprintf("%s %s", terminal.Duration(v.Elapsed), v.Stage)
	switch {
	case v.closed():
		line += ": " + v.State
	case v.Stage == spec.StageTrain:
		var parts []string
		for _, a := range v.Adapters {
			parts = append(parts, a.short())
		}
		if len(parts) > 0 {
			line += ": " + strings.Join(parts, " · ")
		}
	case v.under(v.Stage) != "":
		line += ": " + v.under(v.Stage)
	}
	if v.Trouble != "" {
		line += " (" + v.Trouble + ")"
	}
	return line
}

func (a adapterView) short() string {
	switch {
	case a.Unchanged != "":
		return fmt.Sprintf("%s %s", a.Adapter, zeroed)
	case a.Progress.TotalSteps == 0 && a.Trouble != "":
		return fmt.Sprintf("%s %s", a.Adapter, a.Trouble)
	case a.Progress.TotalSteps == 0 && a.Queued:
		return fmt.Sprintf("%s %s", a.Adapter, queued)
	case a.Progress.TotalSteps == 0:
		return fmt.Sprintf("%s %s", a.Adapter, waiting)
	}
	return fmt.Sprintf("%s %s", a.Adapter, strings.Join(strings.Fields(a.figures()), " "))
}

// skippedReason says why a stage had nothing to do; empty when it had.
func skippedReason(status spec.PipelineStatus, stage string) string {
	for _, skipped := range status.Skipped {
		if skipped.Stage == stage {
			return skipped.Reason
		}
	}
	return ""
}

// retryText says that an activity is tried again, and why.
func retryText(attempt int32, running bool, failure string) string {
	if failure == "" {
		failure = "no reason given"
	}
	if running {
		return fmt.Sprintf("attempt %d, after: %s", attempt, failure)
	}
	return fmt.Sprintf("waits for attempt %d, after: %s", attempt, failure)
}

func decisionText(d spec.Decision) string {
	text := string(d.Verdict)
	if d.Reviewer != "" {
		text += " by " + d.Signers()
	}
	return text
}
