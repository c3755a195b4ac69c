//go:build torch

package chain

import (
	"context"
	"io"
	"os"
	"runtime"
	"strings"
	"sync/atomic"

	"elara/engine/recipes"
	"elara/engine/tensor"
	"elara/spec"
	"elara/storage"
	"elara/worker/serve"
)

// phase is a part of an iteration of PPO, and the place in it where a worker kills itself, in the second iteration:
// where this function of the recipe asks for the n-th time whether to go on.
type phase struct {
	name     string
	function string
	ask      int64
}

// The names that are no place of that kind.
const (
	noPhase   = "none" // the worker lives
	savePhase = "save" // the store has just got an object of the second checkpoint
)

func phases() []phase {
	return []phase{
		{"rollout", "(*Runner).generate", 3},
		{"scoring", "(*ppoRun).judged", 1},
		{"advantages", "(*ppoRun).learn", 1}, // they are there, and nothing has been learnt from them
		{"update", "(*ppoRun).learn", 3},     // of four optimiser steps two are taken
		{name: savePhase},
	}
}

// engineOf is the toy, or the real engine where a phase is asked for.
func engineOf(store storage.Store) (*serve.Engine, storage.Store, error) {
	name := os.Getenv(phaseVar)
	if name == "" {
		return toyEngine(), store, nil
	}
	e, err := tensor.Start(tensor.Options{Device: "cpu", Threads: 1})
	if err != nil {
		return nil, nil, err
	}
	runner, saving := &recipes.Runner{Engine: e}, &atomic.Bool{}
	feedback := mortal{Runner: runner, saving: saving}
	for _, p := range phases() {
		if p.name == name {
			feedback.phase = p
		}
	}
	return &serve.Engine{
		Device: "cpu", Trainer: runner, Pretrainer: runner, Merger: runner, Evaluator: runner, Feedback: feedback,
	}, mortalStore{store, saving}, nil
}

// mortal is the real engine, which kills its process in a phase of PPO.
type mortal struct {
	*recipes.Runner
	phase  phase
	saving *atomic.Bool // the store is to die
}

// TrainPPO implements activities.FeedbackTrainer.
func (m mortal) TrainPPO(
	ctx context.Context, job spec.PPOJob, resume *spec.Snapshot, observer spec.TrainObserver,
) (spec.PPOOutcome, error) {
	w := &watch{Context: ctx, TrainObserver: observer, mortal: m}
	return m.Runner.TrainPPO(w, job, nil, resume, w)
}

// watch follows a training by what it asks its context and tells its observer.
type watch struct {
	context.Context
	spec.TrainObserver
	mortal      mortal
	done, asked atomic.Int64 // iterations; questions in the place
}

// Progress implements spec.TrainObserver.
func (w *watch) Progress(p spec.Progress) {
	w.done.Store(p.Step)
	w.TrainObserver.Progress(p)
}

// Save implements spec.TrainObserver.
func (w *watch) Save(ctx context.Context, s spec.Snapshot) error {
	if w.mortal.phase.name == savePhase && s.Step == 2 {
		w.mortal.saving.Store(true)
	}
	return w.TrainObserver.Save(ctx, s)
}

// Err implements context.Context.
func (w *watch) Err() error {
	p := w.mortal.phase
	if p.function != "" && w.done.Load() == 1 && calledBy(p.function) && w.asked.Add(1) == p.ask {
		die()
	}
	return w.Context.Err()
}

// calledBy reports whether a function of package recipes is under way.
func calledBy(function string) bool {
	var counters [64]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(1, counters[:])])
	for {
		frame, more := frames.Next()
		if strings.Contains(frame.Function, "/recipes."+function) {
			return true
		}
		if !more {
			return false
		}
	}
}

// mortalStore kills its process when it has got an object after saving is set.
type mortalStore struct {
	storage.Store
	saving *atomic.Bool
}

// Put implements storage.Store.
func (s mortalStore) Put(
	ctx context.Context, key string, body io.ReadSeeker, condition storage.Condition,
) (storage.Info, error) {
	info, err := s.Store.Put(ctx, key, body, condition)
	if s.saving.Load() {
		die()
	}
	return info, err
}
