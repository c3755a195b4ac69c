package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"elara/telemetry/runlog"
	"elara/telemetry/wandb"
)

const (
	run = "proof-1"
	key = "notarealkey00000000000000000000000000000000" // its length is what the W&B client asks for
)

func adapters() []string { return []string{"general", "patient", "doctor", "emergency"} }

// stretch is one process of a training: from a checkpoint to where it is killed, or to the end.
type stretch struct {
	adapter  int
	from, to int64
	away     bool // on another machine: the folder is not there
	synced   bool // somebody sends what there is before the next one begins
}

// stretches are killed in the ways that differ: before the first checkpoint; between checkpoints, twice; with a part
// that W&B already has; on a machine that is lost with its folder.
func stretches() []stretch {
	return []stretch{
		{adapter: 0, to: 50}, {adapter: 0, to: steps},
		{adapter: 1, to: 130}, {adapter: 1, from: 96, to: 300}, {adapter: 1, from: 288, to: steps},
		{adapter: 2, to: 200, synced: true}, {adapter: 2, from: 192, to: steps},
		{adapter: 3, to: 200}, {adapter: 3, from: 192, to: steps, away: true},
	}
}

// lostBefore is the step that an adapter's training went on from without the folder of the machine before; 0: it kept it.
func lostBefore(adapter int) int64 {
	for _, s := range stretches() {
		if s.adapter == adapter && s.away {
			return s.from
		}
	}
	return 0
}

func main() {
	dir := flag.String("dir", "", "folder to write to")
	server := flag.String("server", "", "W&B server; empty: offline only")
	sync := flag.String("sync", "", "the wandb program, to send a part in between")
	one := flag.Int("stretch", -1, "run this one and be killed (used by the program itself)")
	flag.Parse()
	work := func() error { return all(*dir, *server, *sync) }
	if *one >= 0 {
		work = func() error { return stretches()[*one].run(*dir, *server) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// all runs each stretch in a process of its own, so that a kill is one.
func all(dir, server, sync string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for i, s := range stretches() {
		if s.away {
			folder := filepath.Join(dir, run, adapters()[s.adapter])
			if err := os.Rename(folder, filepath.Join(dir, "lost-"+adapters()[s.adapter])); err != nil {
				return err
			}
		}
		command := exec.Command(self, "--dir", dir, "--server", server, "--stretch", strconv.Itoa(i))
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
		err := command.Run()
		var ended *exec.ExitError
		killed := errors.As(err, &ended) && ended.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
		if s.to == steps && err != nil || s.to < steps && !killed {
			return fmt.Errorf("stretch %d of %s: %w", i, adapters()[s.adapter], err)
		}
		if s.synced && sync != "" {
			if err := send(sync, filepath.Join(dir, run, adapters()[s.adapter])); err != nil {
				return err
			}
		}
	}
	encoded, err := json.Marshal(expected())
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "expected.json"), encoded, 0o644)
}

// send has W&B's client upload the offline runs of an adapter.
func send(program, folder string) error {
	offline, err := offlineRuns(folder)
	if err != nil {
		return err
	}
	command := exec.Command(program, append([]string{"sync"}, offline...)...)
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("wandb sync: %w: %s", err, said)
	}
	return nil
}

// offlineRuns lists the run folders for wandb sync.
func offlineRuns(folder string) ([]string, error) {
	return filepath.Glob(filepath.Join(folder, runlog.WandB, "offline-run-*"))
}

// run trains one stretch; one that is not the last ends by kill -9, and leaves torn last lines.
func (s stretch) run(dir, server string) error {
	const perStep = 1750 * time.Millisecond
	begun := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).Add(time.Duration(s.from) * perStep)
	now := begun
	o := runlog.Options{
		Dir: dir, Run: run, Adapter: adapters()[s.adapter], ReportTo: runlog.Sinks(), Config: config(s.adapter),
		WandB:  wandb.Options{Server: server, Tags: []string{"proof"}},
		Notice: func(line string) { fmt.Fprintln(os.Stderr, "notice:", line) },
		Now:    func() time.Time { return now },
	}
	if server != "" {
		o.WandB.Key = wandb.NewKey(key)
	}
	if s.from > 0 {
		var err error
		if o.State, err = state(s.adapter, s.from); err != nil {
			return err
		}
	}
	log, err := runlog.Open(o)
	if err != nil {
		return err
	}
	for step := s.from + 1; step <= s.to; step++ {
		now = begun.Add(time.Duration(step-s.from) * perStep)
		log.Observe(at(s.adapter, step))
	}
	if s.to == steps {
		log.Close(true)
		return nil
	}
	if server != "" {
		if err := arrived(server + "/arrived/" + run + "-" + o.Adapter); err != nil {
			return err
		}
	}
	if err := s.tear(filepath.Join(dir, run, o.Adapter)); err != nil {
		return err
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// config is what a training file says, in part.
func config(adapter int) any {
	return struct {
		BaseModel string         `json:"base_model"`
		MaxLength int            `json:"max_length"`
		LoRA      map[string]any `json:"lora_config"`
		Args      map[string]any `json:"training_args"`
	}{
		"SmolLM2-135M-Instruct", 512,
		map[string]any{"r": 8 << (adapter % 2), "alpha": 32, "dropout": 0.05, "target_modules": []string{"q_proj", "k_proj", "v_proj", "o_proj"}},
		map[string]any{"learning_rate": 2e-4, "lr_scheduler_type": "cosine", "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "seed": 42 + adapter},
	}
}

// tear leaves what a machine that goes down leaves of a write: a part. A run that is going to be sent as it is stays
// whole, as after a kill: wandb sync goes on refusing a torn one.
func (s stretch) tear(folder string) error {
	paths := []string{filepath.Join(folder, runlog.SeriesFile)}
	if !s.synced {
		offline, err := filepath.Glob(filepath.Join(folder, runlog.WandB, "offline-run-*", "*.wandb"))
		if err != nil {
			return err
		}
		paths = append(paths, offline...)
	}
	for _, path := range paths {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = file.WriteString(`{"step":`)
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// arrived waits until the server has something of the run.
func arrived(at string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil) // answered when there is something
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %w", at, response.Status, err)
	}
	return nil
}
