package runlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"elara/spec"
	"elara/spec/fault"
	"elara/telemetry/report"
	"elara/telemetry/series"
	"elara/telemetry/tensorboard"
	"elara/telemetry/wandb"
)

// Log is the open curve of one attempt. A nil Log keeps nothing, so that a caller without a logging_dir needs no branch.
type Log struct {
	options Options
	folder  string

	mu    sync.Mutex // a report may be asked for while the training steps
	curve series.Curve
	last  int64 // newest step seen, with a point or without
	sinks []sink
	left  []sink // those that failed, closed at the end: closing may take time
}

// sink is a place that points go to, until it fails.
type sink struct {
	name string
	series.Sink
}

// Open begins an attempt: it brings the folder to the state of the checkpoint and goes on from there. Fault kinds:
// Invalid for options that cannot be, Corrupt for a state that cannot be read.
func Open(o Options) (*Log, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	l := &Log{options: o, folder: o.folder()}
	if err := l.restore(); err != nil {
		return nil, err
	}
	if err := writeRun(l.folder, l.curve.Run); err != nil {
		return nil, err
	}
	keep := func(name string, s series.Sink, err error) error {
		if err == nil {
			l.sinks = append(l.sinks, sink{name, s})
		}
		return err
	}
	file, err := createLines(l.folder, l.curve.Points)
	err = keep(SeriesFile, file, err)
	for _, name := range o.ReportTo {
		switch {
		case err != nil:
		case name == TensorBoard:
			events, failed := tensorboard.Create(l.folder, l.curve, o.now())
			err = keep(name, events, failed)
		case name == WandB && !o.WandB.Disable:
			w := o.WandB
			w.Notice = o.Notice
			run, failed := wandb.Open(filepath.Join(l.folder, WandB), l.curve, w)
			err = keep(name, run, failed)
		}
	}
	if err != nil {
		return nil, errors.Join(err, l.closeSinks(false))
	}
	return l, nil
}

// restore puts the curve together: the log of the checkpoint, what this folder knows beside it, and this attempt.
func (l *Log) restore() error {
	o := l.options
	kept, err := Read(l.folder)
	switch {
	case fault.Is(err, fault.Corrupt): // the checkpoint knows the series; what was measured beside it is lost
		o.notice(fmt.Sprintf("curve of %s, %s: what was measured before is left out: %s", o.Run, o.Adapter, err))
		kept = series.Curve{}
	case err != nil && !fault.Is(err, fault.NotFound):
		return err
	}
	config, err := series.ConfigOf(o.Config)
	if err != nil {
		return err
	}
	attempt := series.Attempt{Started: o.now()}
	run := series.Run{
		ID: o.id(kept.Run), Adapter: o.Adapter, Name: o.Name, Group: o.Run, Project: o.Project, Started: attempt.Started, Config: config,
	}
	if run.Name == "" {
		run.Name = run.ID
	}
	if run.Project == "" {
		run.Project = DefaultProject
	}
	if kept.Run.ID != run.ID {
		kept.Points = nil // of another training that had this folder
	} else {
		run.Started, run.Attempts = kept.Run.Started, kept.Run.Attempts
	}
	l.curve.Again = kept.Points
	if o.State != nil {
		history, step, err := series.History(o.State)
		if err != nil {
			return err
		}
		l.curve.Points = series.Merge(history, kept.Points)
		l.last, attempt.ResumedFrom = step, step
		l.curve.Again = slices.DeleteFunc(kept.Points, func(p series.Point) bool { return p.Step <= step })
	}
	run.Attempts = append(run.Attempts, attempt)
	l.curve.Run = run
	return nil
}

// Observe takes the progress after a step and keeps a point where a logging window ended or an evaluation was made.
// Steps that do not rise are not kept.
func (l *Log) Observe(p spec.Progress) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.Step <= l.last {
		return
	}
	l.last = p.Step
	if p.PeakMemoryBytes == 0 {
		p.PeakMemoryBytes = l.options.peakMemory()
	}
	point, due := series.Of(p, l.options.now())
	if !due {
		return
	}
	l.curve.Points = append(l.curve.Points, point)
	working := l.sinks[:0]
	for _, s := range l.sinks {
		if err := s.Write(point); err != nil {
			l.options.notice(fmt.Sprintf("curve of %s: %s is left out from step %d on: %s", l.curve.Run.ID, s.name, p.Step, err))
			l.left = append(l.left, s)
			continue
		}
		working = append(working, s)
	}
	l.sinks = working
}

// Close ends the attempt and writes the report; done says that the training has reached its last step. What fails here
// is told by Notice: a training that is through does not fail over its curve.
func (l *Log) Close(done bool) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	attempt := &l.curve.Run.Attempts[len(l.curve.Run.Attempts)-1]
	attempt.Ended, attempt.LastStep, attempt.Done = l.options.now(), l.last, done
	err := errors.Join(l.closeSinks(done), writeRun(l.folder, l.curve.Run), WriteReport(filepath.Dir(l.folder)))
	if err != nil {
		l.options.notice(fmt.Sprintf("curve of %s: not all of it was kept: %s", l.curve.Run.ID, err))
	}
}

func (l *Log) closeSinks(done bool) error {
	var problems []error
	for _, s := range l.sinks {
		problems = append(problems, s.Close(done))
	}
	for _, s := range l.left {
		problems = append(problems, s.Close(false))
	}
	l.sinks, l.left = nil, nil
	return errors.Join(problems...)
}

// WriteReport makes report.html from the curves of a run's folder.
func WriteReport(folder string) error {
	curves, err := ReadRun(folder)
	if err != nil {
		return err
	}
	page, err := report.Page(filepath.Base(folder), curves)
	if err != nil {
		return err
	}
	return series.Replace(filepath.Join(folder, ReportFile), page)
}
