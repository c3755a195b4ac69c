package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"elara/data/instruct"
	"elara/spec"
	"elara/tests/ground"
)

const (
	clients   = 32
	rounds    = 3
	questions = 6
	newTokens = 32
)

func main() {
	figure, err := prove(context.Background())
	verdict := "ok"
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		verdict = "short"
	}
	fmt.Printf("proof serve: %s (bound all, refused) %s\n", figure, verdict)
	if verdict != "ok" {
		os.Exit(1)
	}
}

// model is one that clients may name.
type model struct {
	name     string
	audience spec.Audience
	folder   string // of its export; empty: the base
}

// asked is a question with what is expected for it.
type asked struct {
	question string
	prompt   []int32
	ids      []int32
	text     string
}

func prove(ctx context.Context) (figure string, err error) {
	dir, err := os.MkdirTemp("", "elara-serve-")
	if err != nil {
		return "nothing asked", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	base, err := baseModel(ctx, dir)
	if err != nil {
		return "nothing asked", err
	}
	rows, err := ground.Rows(ctx, dir, "")
	if err != nil {
		return "nothing asked", err
	}
	models := []model{
		{name: "base", audience: spec.General},
		{name: "patient", audience: spec.Patient, folder: filepath.Join(dir, "patient")},
		{name: "doctor", audience: spec.Doctor, folder: filepath.Join(dir, "doctor")},
	}
	for i, m := range models[1:] {
		if err := train(ctx, base, m, rows[i*64:i*64+8]); err != nil {
			return "nothing asked", err
		}
	}
	expected := map[string][]asked{}
	for _, m := range models {
		if expected[m.name], err = expect(ctx, dir, base, m, models[1].folder, rows[200:200+questions]); err != nil {
			return "nothing asked", err
		}
	}
	if !differ(models, expected) {
		return "nothing asked", errors.New("two models answer all questions the same: a mix-up would not show")
	}
	s, err := start(ctx, base, models[1:])
	if err != nil {
		return "nothing asked", err
	}
	begun := time.Now()
	answers, prompts, problems := s.askAll(ctx, models, expected)
	took := time.Since(begun)
	python, pythonErr := s.python(ctx)
	figure = fmt.Sprintf("%d of %d answers to %d clients at once are exec generate's tokens, %d of %d prompts the training text's; %s; %s",
		answers, clients*rounds, clients, prompts, clients*rounds, python, forged(ctx, base, models[1]))
	fmt.Printf("%d answers of up to %d tokens in %.1f s\n", clients*rounds, newTokens, took.Seconds())
	if err := errors.Join(append(problems, pythonErr, s.stop())...); err != nil {
		return figure, err
	}
	if answers != clients*rounds || prompts != clients*rounds || !strings.HasSuffix(figure, "refused") {
		return figure, errors.New("not all are equal")
	}
	return figure, nil
}

func baseModel(ctx context.Context, dir string) (string, error) {
	if os.Getenv("BASE") != "tiny" {
		return ground.SmolLM2()
	}
	tiny := filepath.Join(dir, "tiny")
	return tiny, ground.Run(ctx, ground.Worker, "exec", "tiny-model", "--out", tiny)
}

// differ reports whether every two models answer some question in another way.
func differ(models []model, expected map[string][]asked) bool {
	answers := map[string]bool{}
	for _, m := range models {
		all := ""
		for _, a := range expected[m.name] {
			all += fmt.Sprintln(a.ids)
		}
		answers[all] = true
	}
	return len(answers) == len(models)
}

// train makes an adapter that answers otherwise than its base, with its own name, and exports it.
func train(ctx context.Context, base string, m model, rows []string) error {
	file, out := m.folder+".jsonl", m.folder+"-trained"
	var lines []string
	for _, row := range rows {
		question, _, err := split(row)
		if err != nil {
			return err
		}
		text, err := instruct.Guide().Text(question, strings.Repeat(m.name+" ", newTokens), m.audience)
		if err != nil {
			return err
		}
		line, err := json.Marshal(map[string]string{"text": text})
		if err != nil {
			return err
		}
		lines = append(lines, string(line)+"\n")
	}
	if err := ground.Write(file, lines); err != nil {
		return err
	}
	err := ground.Train(ctx, "lora", m.folder+".json", map[string]any{
		"base_model": base, "output_dir": out, "train_data_path": file, "max_length": 480, "completion_only_loss": true, "add_pad_token": false,
		"lora_config": map[string]any{"r": 4, "alpha": 16, "target_modules": []string{"q_proj", "v_proj", "down_proj"}},
		"training_args": map[string]any{
			"max_steps": 10, "per_device_train_batch_size": 2, "learning_rate": 1e-2, "save_strategy": "no", "eval_strategy": "no", "seed": len(m.name),
		},
	})
	if err != nil {
		return err
	}
	return ground.Run(ctx, ground.Elara, "export", out, "--form", "peft", "--audience", string(m.audience), "--to", m.folder)
}

// expect asks exec generate and exec tokenize, which know nothing of a server, about the training texts of questions.
func expect(ctx context.Context, dir, base string, m model, tokenizer string, rows []string) ([]asked, error) {
	var all []asked
	var lines []string
	for _, row := range rows {
		question, answer, err := split(row)
		if err != nil {
			return nil, err
		}
		taught, err := instruct.Guide().Text(question, answer, m.audience)
		if err != nil {
			return nil, err
		}
		prompt := strings.TrimSuffix(taught, answer)
		line, err := json.Marshal(map[string]string{"text": prompt})
		if err != nil {
			return nil, err
		}
		lines, all = append(lines, string(line)+"\n"), append(all, asked{question: question})
	}
	in, out := filepath.Join(dir, m.name+".prompts"), filepath.Join(dir, m.name+".answers")
	if err := ground.Write(in, lines); err != nil {
		return nil, err
	}
	generate := []string{"exec", "generate", "--model", base, "--in", in, "--out", out, "--max-new-tokens", fmt.Sprint(newTokens)}
	if m.folder != "" {
		generate = append(generate, "--adapter", m.folder)
	}
	if err := ground.Run(ctx, ground.Worker, generate...); err != nil {
		return nil, err
	}
	if err := ground.Run(ctx, ground.Worker, "exec", "tokenize", "--tokenizer", filepath.Join(tokenizer, "tokenizer.json"), "--in", in, "--out", in+".ids"); err != nil {
		return nil, err
	}
	return all, errors.Join(
		each(out, func(i int, line struct {
			Text string
			IDs  []int32
		}) {
			all[i].ids, all[i].text = line.IDs, line.Text
		}),
		each(in+".ids", func(i int, line struct{ IDs []int32 }) { all[i].prompt = line.IDs }))
}

// split gives question and answer of a row of the sample.
func split(row string) (question, answer string, err error) {
	var text struct{ Text string }
	if err := json.Unmarshal([]byte(row), &text); err != nil {
		return "", "", err
	}
	question, answer, found := instruct.Split(text.Text)
	if !found {
		return "", "", errors.New("a row of the sample is not in the guide's form")
	}
	return question, answer, nil
}

// each reads the lines of a JSONL file.
func each[T any](path string, take func(i int, line T)) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i, line := range slices.Collect(strings.Lines(string(text))) {
		var value T
		if err := json.Unmarshal([]byte(line), &value); err != nil {
			return fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		take(i, value)
	}
	return nil
}

// forged changes the template that an adapter's record names, and says what becomes of it.
func forged(ctx context.Context, base string, m model) string {
	path := filepath.Join(m.folder, "elara.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	hash, err := instruct.Guide().Hash()
	if err != nil {
		return err.Error()
	}
	other := strings.Replace(string(text), string(hash), strings.Repeat("ab", len(hash)/2), 1)
	if err := os.WriteFile(path, []byte(other), 0o644); err != nil {
		return err.Error()
	}
	err = ground.Run(ctx, ground.Worker, "exec", "serve", "--model", base, "--adapter", m.name+"="+m.folder, "--listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), "exit status 2") || !strings.Contains(err.Error(), "the model was taught by the template") {
		return "another template is served"
	}
	return "another template is refused"
}
