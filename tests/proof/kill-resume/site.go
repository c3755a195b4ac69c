package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/checkpoint"
	"elara/tests/ground"
)

const runID = "kill-resume"

// site is one run on a stack of its own.
type site struct {
	ground.Stack
	room  room
	store storage.Store
}

// open starts a stack.
func (r room) open(ctx context.Context, name string) (s *site, err error) {
	s = &site{Stack: ground.Stack{State: filepath.Join(r.folder, name)}, room: r}
	if err = s.Up(ctx); err == nil {
		s.store, err = s.Store(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

func (s *site) begin(ctx context.Context) error {
	_, err := s.Elara(ctx, "run", s.room.pipeline(), "--id", runID, "--detach")
	return err
}

// deal waits for the moment of a kill, kills, sees to it that what was killed is back, and gives the step that the
// training had reached. A kill that came too late to hit it is an error.
func (s *site) deal(ctx context.Context, k kill) (int64, error) {
	err := ground.Await(ctx, poll, fmt.Sprintf("step %d of adapter %s", k.step, k.adapter), func() error {
		reached, err := s.reached(ctx, k.adapter)
		if err == nil && reached < k.step {
			err = fmt.Errorf("its newest checkpoint is of step %d", reached)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	victim, err := s.Kill(k.part)
	if err != nil {
		return 0, err
	}
	if err := s.Replaced(ctx, poll, k.part, victim); err != nil {
		return 0, err
	}
	reached, err := s.reached(ctx, k.adapter)
	if err == nil && reached >= totalSteps {
		err = fmt.Errorf("the %s was killed when adapter %s had done its last step: the run is too short for this machine", k.part, k.adapter)
	}
	return reached, err
}

// reached is the newest step of which the store holds a checkpoint; 0 without one.
func (s *site) reached(ctx context.Context, adapter spec.AdapterName) (int64, error) {
	grants, err := checkpoint.History(ctx, s.store, runID, adapter)
	var step int64
	for _, grant := range grants {
		step = max(step, grant.To)
	}
	return step, err
}

// end follows the run to its approval and its end, and gives what it made.
func (s *site) end(ctx context.Context) (outcome, error) {
	for _, arguments := range [][]string{
		{"watch", runID},
		{"approve", runID, "--as", "the proof", "--yes"},
		{"watch", runID, "--until-done"},
	} {
		if _, err := s.Elara(ctx, arguments...); err != nil {
			return outcome{}, err
		}
	}
	return s.outcome(ctx)
}

// outcome reads the adapters of the run, and who trained them.
func (s *site) outcome(ctx context.Context) (outcome, error) {
	listed, err := s.Elara(ctx, "artifacts", "list", runID, "--json")
	if err != nil {
		return outcome{}, err
	}
	var all []struct {
		Name string `json:"name"`
		spec.ArtifactRef
	}
	if err := json.Unmarshal([]byte(listed), &all); err != nil {
		return outcome{}, fmt.Errorf("list the artifacts: %w", err)
	}
	made := map[string]spec.ArtifactRef{}
	for _, a := range all {
		made[a.Name] = a.ArtifactRef
	}
	o := outcome{weights: map[spec.AdapterName][]byte{}, digests: map[spec.AdapterName]spec.Digest{}}
	for _, adapter := range adapters() {
		ref, found := made[string(adapter)]
		if !found {
			return outcome{}, fmt.Errorf("the run made no adapter %s", adapter)
		}
		o.digests[adapter] = ref.Digest
		if o.weights[adapter], err = artifact.ReadFile(ctx, s.store, ref, "adapter_model.safetensors"); err != nil {
			return outcome{}, err
		}
		grants, err := checkpoint.History(ctx, s.store, runID, adapter)
		if err != nil {
			return outcome{}, err
		}
		o.attempts += len(grants)
	}
	return o, nil
}
