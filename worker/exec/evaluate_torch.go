//go:build torch

package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"elara/activities"
	"elara/engine/lora"
	"elara/engine/recipes"
	"elara/spec"
	"elara/spec/fault"
)

// evaluation is the command's flags.
type evaluation struct {
	in       activities.FolderInput
	model    string
	audience string
	choices  []string // FORM or FORM=FILE
	out      string
	asJSON   bool
	engine   engineFlags
}

func evaluateCommand() *cobra.Command {
	f := evaluation{in: activities.FolderInput{Plan: spec.EvaluatePlan{Contamination: spec.TakeOutSame}}}
	c := &cobra.Command{
		Use:   "evaluate --adapter DIR --test-data T.jsonl [--model BASE --out DIR]",
		Short: "Measure an adapter beside its base: loss, accuracy, relevance, tone and safety, with intervals",
		Example: `  elara-worker exec evaluate --adapter models_files/medical_lora --test-data test.jsonl
  elara-worker exec evaluate --adapter patient --test-data test.jsonl --train-data train.jsonl --audience patient
  elara-worker exec evaluate --adapter doctor --test-data test.jsonl --choices medqa=medqa/test.jsonl --choices cloze`,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	job, plan := &f.in.Job, &f.in.Plan
	required(c, &job.Adapter, "adapter", "PEFT adapter folder")
	required(c, &job.EvalDataPath, "test-data", `JSONL of {"text": ...} in the guide's form`)
	c.Flags().StringVar(&f.in.TrainData, "train-data", "", "rows of the training: test rows that stand among them are left out")
	c.Flags().StringVar(&f.model, "model", "", "base model; default: what adapter_config.json names")
	c.Flags().StringVar(&f.audience, "audience", "", "general, patient, doctor or emergency; default: that of the first row")
	c.Flags().StringVar(&f.out, "out", "", "folder for the report; default: evaluation in the adapter's folder")
	c.Flags().IntVar(&job.MaxRows, "max-rows", 0, "most rows to measure; 0: all")
	c.Flags().IntVar(&job.MaxLength, "max-length", 512, "tokens a row is cut to")
	c.Flags().IntVar(&job.MaxNewTokens, "max-new-tokens", 128, "most tokens an answer may have")
	c.Flags().IntVar(&plan.AnsweredRows, "answered-rows", 200, "rows that are answered, and scored against their own answers")
	c.Flags().IntVar(&plan.OtherQuestions, "other-questions", 0, "other questions that each answer is held against by likelihood; 0: not measured")
	c.Flags().StringArrayVar(&f.choices, "choices", nil, "multiple-choice questions to ask, FORM=FILE, or generic or cloze for the project's own; may stand several times")
	c.Flags().BoolVar(&job.BF16, "bf16", false, "hold the base in bfloat16")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print data")
	f.engine.declare(c)
	return c
}

func (f *evaluation) run(c *cobra.Command) (err error) {
	f.in.Audience = spec.Audience(f.audience)
	if f.audience != "" {
		if err := f.in.Audience.Check(); err != nil {
			return err
		}
	}
	for _, given := range f.choices {
		form, path, _ := strings.Cut(given, "=")
		set := spec.ChoiceSet{Form: spec.ChoiceForm(form), Path: path}
		if err := set.Check(); err != nil {
			return fmt.Errorf("--choices %s: %w", given, err)
		}
		f.in.Plan.Choices = append(f.in.Plan.Choices, set)
	}
	if f.out == "" {
		f.out = filepath.Join(f.in.Job.Adapter, "evaluation")
	}
	if f.model == "" {
		if f.model, err = lora.BaseName(f.in.Job.Adapter); err != nil {
			return err
		}
		if f.model == "" {
			return fault.At(filepath.Join(f.in.Job.Adapter, "adapter_config.json"), 0, "no base_model_name_or_path; expected one, or --model")
		}
	}
	if f.in.Scratch, err = os.MkdirTemp("", "elara-evaluate-*"); err != nil {
		return fmt.Errorf("make a scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(f.in.Scratch)) }()
	return withModels(c.ErrOrStderr(), func(m *models) (err error) {
		if f.in.Job.BaseModel, err = m.find(c.Context(), f.model); err != nil {
			return err
		}
		return f.engine.withEngine(func(r *recipes.Runner) error { return f.measure(c.Context(), r, c.OutOrStdout()) })
	})
}

func (f *evaluation) measure(ctx context.Context, r *recipes.Runner, out io.Writer) error {
	score, files, err := activities.EvaluateFolder(ctx, r, f.in, func(spec.Progress) {})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", f.out, err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(f.out, name), files[name], 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if f.asJSON {
		return json.NewEncoder(out).Encode(score)
	}
	if err := writeComparisons(out, "base", "adapter", score.Comparisons); err != nil {
		return err
	}
	for _, s := range score.Choices {
		fmt.Fprintf(out, "%s: acc %s, of the base %s; acc_norm %s, of the base %s; %d questions\n", s.Set, s.Acc.Text(), s.BaseAcc.Text(), s.AccNorm.Text(), s.BaseAccNorm.Text(), s.Items)
	}
	if score.TakenOut > 0 {
		fmt.Fprintf(out, "\n%d test rows stand in the training rows and were left out\n", score.TakenOut)
	}
	_, err = fmt.Fprintf(out, "\nperplexity %.2f, of the base %.2f, on %d rows\nreport     %s\n", score.AdapterPPL, score.BasePPL, score.Rows, filepath.Join(f.out, "report.html"))
	return err
}
