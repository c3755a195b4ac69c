package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/starter/devstack"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/checkpoint"
	"elara/storage/s3"
	"elara/tests/ground"
)

const runID = "kill-resume"

// site is one run on a stack of its own.
type site struct {
	room  room
	state string        // folder
	store storage.Store // of the stack that runs
}

// open starts a stack.
func (r room) open(ctx context.Context, name string) (*site, error) {
	s := &site{room: r, state: filepath.Join(r.folder, name)}
	if err := s.up(ctx); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

// up starts the folder's stack, for the first time or again.
func (s *site) up(ctx context.Context) error {
	if _, err := s.elara(ctx, "up", "--detach"); err != nil {
		return err
	}
	record, err := devstack.Find(s.state)
	if err != nil {
		return err
	}
	credentials, err := devstack.LoadCredentials(s.state)
	if err != nil {
		return err
	}
	s.store, err = s3.Open(ctx, s3.Options{
		Endpoint: record.S3, Region: record.Region, Bucket: record.Bucket, PathStyle: true,
		AccessKey: credentials.AccessKey, SecretKey: s3.Secret(credentials.SecretKey),
	})
	return err
}

// close stops the stack, whatever ended the run.
func (s *site) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if _, err := devstack.Find(s.state); fault.Is(err, fault.NotFound) {
		return nil // it did not start, or not again
	}
	_, err := s.elara(ctx, "down")
	return err
}

// elara runs a verb on this stack.
func (s *site) elara(ctx context.Context, arguments ...string) (string, error) {
	return run(exec.CommandContext(ctx, s.room.program, append(arguments, "--state", s.state)...))
}

func (s *site) begin(ctx context.Context) error {
	_, err := s.elara(ctx, "run", s.room.pipeline(), "--id", runID, "--detach")
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
	before, err := devstack.Find(s.state)
	if err != nil {
		return 0, err
	}
	victim := pidOf(before, k.part)
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		return 0, fmt.Errorf("kill the %s: %w", k.part, err)
	}
	if err := s.await(ctx, k.part, victim); err != nil {
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

// pidOf gives the process of a part of the stack; 0 while it is down.
func pidOf(record devstack.Record, part string) int {
	if part == stack {
		return record.PID
	}
	for _, p := range record.Parts {
		if p.Name == part {
			return p.PID
		}
	}
	return 0
}

// await waits until another process has taken the victim's place. The stack starts its parts again by itself; a stack
// that was killed is started by us, as a user would.
func (s *site) await(ctx context.Context, part string, victim int) error {
	if part == stack {
		err := ground.Await(ctx, poll, "the killed stack to be gone", func() error {
			if _, err := devstack.Find(s.state); !fault.Is(err, fault.NotFound) {
				return errors.Join(errors.New("it still holds its folder"), err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return s.up(ctx)
	}
	return ground.Await(ctx, poll, "the "+part+" to start again", func() error {
		record, err := devstack.Find(s.state)
		if err != nil {
			return err
		}
		if pid := pidOf(record, part); pid == 0 || pid == victim {
			return errors.New("it is down")
		}
		if part != temporal {
			return nil
		}
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", record.Temporal)
		if err != nil {
			return err
		}
		return connection.Close()
	})
}

// end follows the run to its approval and its end, and gives what it made.
func (s *site) end(ctx context.Context) (outcome, error) {
	for _, arguments := range [][]string{
		{"watch", runID},
		{"approve", runID, "--as", "the proof", "--yes"},
		{"watch", runID, "--until-done"},
	} {
		if _, err := s.elara(ctx, arguments...); err != nil {
			return outcome{}, err
		}
	}
	return s.outcome(ctx)
}

// outcome reads the adapters of the run, and who trained them.
func (s *site) outcome(ctx context.Context) (outcome, error) {
	listed, err := s.elara(ctx, "artifacts", "list", runID, "--json")
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
