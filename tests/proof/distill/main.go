package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"elara/spec"
	"elara/tests/ground"
)

const (
	held     = 500 // rows
	batch    = 8
	fallback = 120 // steps
)

func main() {
	ctx := context.Background()
	figure, err := measure(ctx)
	verdict := "ok"
	if err != nil {
		verdict = "short"
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Printf("proof distill: %s (bound 1e-5; lower end of the interval above 0) %s\n", strings.Join(figure, ", "), verdict)
	if err != nil {
		os.Exit(1)
	}
}

func measure(ctx context.Context) (figure []string, err error) {
	dir, err := os.MkdirTemp("", "elara-distill-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	worst, err := formulas(ctx, dir)
	if err != nil {
		return []string{"losses not compared"}, err
	}
	figure = append(figure, worst)
	report, err := students(ctx, dir)
	if err != nil {
		return append(figure, "students not compared"), err
	}
	gain := report.ToControl.Gain
	figure = append(figure, fmt.Sprintf("held-out loss %.4f with the teacher, %.4f without: better by %.4f (%.4f to %.4f) on %d rows, teacher %.4f",
		report.Student, report.ToControl.Old.Value, gain.Value, gain.Low, gain.High, report.Rows, report.ToTeacher.Old.Value))
	if gain.Low <= 0 || report.Rows < held {
		err = errors.New("the interval reaches 0, or there are too few rows")
	}
	return figure, err
}

var worstOf = regexp.MustCompile(`worst: (.*)`)

// formulas compares losses and gradients with TRL's, over another draw than that of the committed file.
func formulas(ctx context.Context, dir string) (string, error) {
	python, err := ground.Peer(ctx, "tests/peer/venv")
	if err != nil {
		return "", err
	}
	golden, err := exec.CommandContext(ctx, python, "tests/peer/distill/golden.py", "11").Output()
	if err != nil {
		return "", fmt.Errorf("TRL did not run: %w", err)
	}
	path := filepath.Join(dir, "golden.json")
	if err := os.WriteFile(path, golden, 0o644); err != nil {
		return "", err
	}
	// The test holds every number to the bound.
	test := exec.CommandContext(ctx, "bash", "-c", ". build/env.sh && go test -tags torch -count=1 -v -run '^TestDivergencesAreThoseOfTRL$' ./engine/loss")
	test.Env = append(os.Environ(), "ELARA_DISTILL_GOLDEN="+path)
	out, err := test.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("a loss or gradient is not TRL's: %w\n%s", err, out)
	}
	worst := worstOf.FindSubmatch(out)
	if worst == nil {
		return "", fmt.Errorf("the test compared nothing\n%s", out)
	}
	return string(worst[1]), nil
}

// students trains the student with and without its teacher.
func students(ctx context.Context, dir string) (*spec.DistillReport, error) {
	steps := fallback
	if text := os.Getenv("ELARA_DISTILL_STEPS"); text != "" {
		var err error
		if steps, err = strconv.Atoi(text); err != nil {
			return nil, fmt.Errorf("ELARA_DISTILL_STEPS: %w", err)
		}
	}
	rows, err := ground.Rows(ctx, dir, os.Getenv("ELARA_MEDQUAD"))
	if err != nil {
		return nil, err
	}
	learnt := steps * batch // rows, each once
	if len(rows) < held+learnt {
		return nil, fmt.Errorf("%d rows, expected at least %d to measure on and %d to learn", len(rows), held, learnt)
	}
	test, rest := spaced(rows, held) // so that all sources are in both
	train, _ := spaced(rest, learnt)
	s := &setting{dir: dir, steps: steps, train: filepath.Join(dir, "train.jsonl"), test: filepath.Join(dir, "test.jsonl")}
	if err := errors.Join(ground.Write(s.train, train), ground.Write(s.test, test)); err != nil {
		return nil, err
	}
	if err := s.makeTeacher(ctx); err != nil {
		return nil, err
	}
	if err := s.distil(ctx, "control", map[string]any{"kd_ratio": 0}, nil); err != nil {
		return nil, err
	}
	err = s.distil(ctx, "student", map[string]any{"kd_ratio": 1}, map[string]any{
		"control_model": filepath.Join(dir, "control"), "eval_data_path": s.test, "teacher_logprobs": filepath.Join(dir, "logprobs"),
	})
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(dir, "student", "distillation.json"))
	if err != nil {
		return nil, err
	}
	var report spec.DistillReport
	return &report, json.Unmarshal(data, &report)
}

// spaced takes n rows that lie evenly among all, and gives the others, too.
func spaced(rows []string, n int) (taken, left []string) {
	for i, row := range rows {
		if i*n/len(rows) < (i+1)*n/len(rows) {
			taken = append(taken, row)
		} else {
			left = append(left, row)
		}
	}
	return taken, left
}

// setting is what both students have in common.
type setting struct {
	dir, train, test string
	steps            int
	base, adapter    string // the teacher
	layers           int    // of a student
	most             int    // tokens of a row
}

// arguments are those of every training here.
func (s *setting) arguments(rate float64, more map[string]any) map[string]any {
	all := map[string]any{
		"max_steps": s.steps, "per_device_train_batch_size": batch, "learning_rate": rate, "lr_scheduler_type": "cosine", "warmup_ratio": 0.1,
		"logging_steps": 20, "save_strategy": "no", "eval_strategy": "no",
	}
	for key, value := range more {
		all[key] = value
	}
	return all
}

// makeTeacher trains an adapter of SmolLM2, or all of a tiny model.
func (s *setting) makeTeacher(ctx context.Context) error {
	if os.Getenv("ELARA_DISTILL_BASE") == "tiny" {
		tiny := filepath.Join(s.dir, "tiny")
		s.base, s.layers, s.most = filepath.Join(s.dir, "teacher"), 2, 480 // of 3 layers, and of bytes
		if err := ground.Run(ctx, ground.Worker, "exec", "tiny-model", "--out", tiny); err != nil {
			return err
		}
		arguments := s.arguments(3e-3, nil)
		arguments["max_steps"] = 4 * s.steps
		return ground.Train(ctx, "pretrain", s.base+".json", map[string]any{
			"base_model": tiny, "output_dir": s.base, "train_data_path": s.train, "max_length": s.most, "append_eos": true, "training_args": arguments,
		})
	}
	var err error
	if s.base, err = ground.SmolLM2(); err != nil {
		return err
	}
	s.adapter, s.layers, s.most = filepath.Join(s.dir, "adapter"), 15, 256 // of 30 layers
	return ground.Train(ctx, "lora", s.adapter+".json", map[string]any{
		"base_model": s.base, "output_dir": s.adapter, "train_data_path": s.train, "max_length": s.most, "append_eos": true, "completion_only_loss": true,
		"lora_config":   map[string]any{"r": 16, "alpha": 32, "dropout": 0, "target_modules": "all-linear"},
		"training_args": s.arguments(5e-4, map[string]any{"bf16": true}),
	})
}

// distil trains one student.
func (s *setting) distil(ctx context.Context, name string, own, more map[string]any) error {
	arguments := s.arguments(3e-4, own)
	arguments["lmbda"], arguments["beta"], arguments["temperature"] = 0, 0, 1
	file := map[string]any{
		"teacher_model": s.base, "student_model": filepath.Join(s.dir, "half"), "student_config": map[string]any{"num_hidden_layers": s.layers},
		"output_dir": filepath.Join(s.dir, name), "train_data_path": s.train, "max_length": s.most, "append_eos": true, "training_args": arguments,
	}
	if s.adapter != "" {
		file["teacher_adapter"], file["completion_only_loss"] = s.adapter, true
	}
	for key, value := range more {
		file[key] = value
	}
	return ground.Train(ctx, "distill", filepath.Join(s.dir, name+".json"), file)
}
