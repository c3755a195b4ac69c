package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"elara/data/sample"
	"elara/spec"
	"elara/storage"
	"elara/storage/checkpoint"
	"elara/tests/ground"
	"elara/workflows"
)

//go:embed pipeline.yaml
var pipeline []byte

const (
	name = "upkeep" // of the pipeline

	// poll is how often is asked what cannot be waited for otherwise.
	poll = 100 * time.Millisecond
)

// site is a stack with the schedule of one pipeline.
type site struct {
	ground.Stack
	folder   string
	store    storage.Store
	server   client.Client
	schedule client.ScheduleHandle
}

func open(ctx context.Context, folder string) (s *site, err error) {
	s = &site{Stack: ground.Stack{State: filepath.Join(folder, "state")}, folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx))
		}
	}()
	if err := ground.Run(ctx, ground.Worker, "exec", "tiny-model", "--out", filepath.Join(folder, "model")); err != nil {
		return s, err
	}
	if _, err := sample.Write(filepath.Join(folder, "data"), sample.Options{}); err != nil {
		return s, err
	}
	if err := errors.Join(s.writeWard("Turbulent flow that is heard over the heart."), os.WriteFile(s.pipeline(), pipeline, 0o600)); err != nil {
		return s, err
	}
	if err := s.Up(ctx); err != nil {
		return s, err
	}
	if s.store, err = s.Store(ctx); err != nil {
		return s, err
	}
	if s.server, err = s.Temporal(); err != nil {
		return s, err
	}
	if _, err := s.Elara(ctx, "schedule", "create", s.pipeline()); err != nil {
		return s, err
	}
	s.schedule = s.server.ScheduleClient().GetHandle(ctx, workflows.ScheduleID(name))
	return s, nil
}

func (s *site) pipeline() string { return filepath.Join(s.folder, "pipeline.yaml") }

// writeWard writes the source of one audience, with this answer in one of its rows.
func (s *site) writeWard(answer string) error {
	text := "question,answer,audience\n" +
		"How is a murmur of the heart explained?," + answer + ",doctor\n" +
		"How is a pleural effusion recognised?,Dullness to percussion and absent breath sounds on one side.,doctor\n"
	return os.WriteFile(filepath.Join(s.folder, "data", "ward.csv"), []byte(text), 0o600)
}

// close stops the stack, whatever ended the proof.
func (s *site) close(ctx context.Context) error {
	if s.server != nil {
		s.server.Close()
	}
	return s.Close(ctx)
}

// described is what elara status says of a run.
type described struct {
	Run     spec.RunID `json:"run"`
	Status  string     `json:"status"`
	Stage   string     `json:"stage"`
	Started time.Time  `json:"started"`
	Closed  time.Time  `json:"closed"`
}

func (s *site) runs(ctx context.Context) (runs []described, err error) {
	text, err := s.Elara(ctx, "status", "--json", "--limit", "100")
	if err == nil {
		err = json.Unmarshal([]byte(text), &runs)
	}
	return runs, err
}

// scheduled asks the schedule for a run, and gives it when it waits for a decision or is over.
func (s *site) scheduled(ctx context.Context) (run spec.RunID, err error) {
	before, err := s.schedule.Describe(ctx)
	if err != nil {
		return "", err
	}
	if _, err := s.Elara(ctx, "schedule", "trigger", name); err != nil {
		return "", err
	}
	err = ground.Await(ctx, poll, "the schedule to start a run", func() error {
		after, err := s.schedule.Describe(ctx)
		if err == nil && after.Info.NumActions == before.Info.NumActions {
			err = errors.New("it has not")
		}
		if err == nil {
			recent := after.Info.RecentActions
			run = workflows.RunOf(recent[len(recent)-1].StartWorkflowResult.WorkflowID)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	_, err = s.Elara(ctx, "watch", string(run))
	return run, err
}

func (s *site) approve(ctx context.Context, run spec.RunID) error {
	if _, err := s.Elara(ctx, "approve", string(run), "--as", "the proof", "--yes"); err != nil {
		return err
	}
	_, err := s.end(ctx, run)
	return err
}

// end waits for the end of a run.
func (s *site) end(ctx context.Context, run spec.RunID) (found described, err error) {
	if _, err := s.Elara(ctx, "watch", string(run), "--until-done"); err != nil {
		return found, err
	}
	err = ground.Await(ctx, poll, fmt.Sprintf("run %s to be listed as over", run), func() error {
		runs, err := s.runs(ctx)
		if err != nil {
			return err
		}
		for _, r := range runs {
			if r.Run == run && !r.Closed.IsZero() {
				found = r
				return nil
			}
		}
		return errors.New("it is not")
	})
	return found, err
}

// steps is how many steps of training the run did, all adapters together.
func (s *site) steps(ctx context.Context, run spec.RunID) (steps int64, err error) {
	for _, adapter := range []spec.AdapterName{"patient", "doctor"} {
		grants, err := checkpoint.History(ctx, s.store, run, adapter)
		if err != nil {
			return 0, err
		}
		for _, grant := range grants {
			steps += grant.To - grant.From
		}
	}
	return steps, nil
}

// trained names the adapters that the run trained.
func (s *site) trained(ctx context.Context, run spec.RunID) (names []spec.AdapterName, err error) {
	for _, adapter := range []spec.AdapterName{"patient", "doctor"} {
		grants, err := checkpoint.History(ctx, s.store, run, adapter)
		if err != nil {
			return nil, err
		}
		if len(grants) > 0 {
			names = append(names, adapter)
		}
	}
	return names, nil
}

// missedWeek asks the schedule for the seven starts of a week, as its catch-up does, and gives the runs that come of it.
func (s *site) missedWeek(ctx context.Context) (int64, error) {
	before, err := s.schedule.Describe(ctx)
	if err != nil {
		return 0, err
	}
	now := time.Now()
	err = s.schedule.Backfill(ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{{
		Start: now.Add(-7 * 24 * time.Hour), End: now, Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP,
	}}})
	if err != nil {
		return 0, err
	}
	var ran int64
	err = ground.Await(ctx, poll, "the week to be made up for", func() error {
		after, err := s.schedule.Describe(ctx)
		if err != nil {
			return err
		}
		ran = int64(after.Info.NumActions - before.Info.NumActions)
		left := after.Info.NumActionsSkippedOverlap - before.Info.NumActionsSkippedOverlap
		if starts := int64(left) + ran; starts < 7 || len(after.Info.RunningWorkflows) > 0 {
			return fmt.Errorf("%d of 7 starts are dealt with, %d runs go on", starts, len(after.Info.RunningWorkflows))
		}
		return nil
	})
	return ran, err
}
