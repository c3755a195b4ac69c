package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"elara/starter/devstack"
)

func newEvaluate(a *app) *cobra.Command {
	var model, data, train, base, audience, out string
	var answered, others int
	var choices []string
	var asJSON bool
	command := &cobra.Command{
		Use:   "evaluate --model_path DIR --test_data FILE",
		Short: "Measure an adapter on this machine: accuracy, relevance, tone and safety beside its base",
		Long: `Measure an adapter beside its base model on rows that it has not seen: the loss of every row,
and its answers' accuracy, relevance, tone and safety, each with its 95 % interval. It runs
here, without Temporal or S3, and writes report.html, report.md and report.json with the
answers, worst first, into the folder evaluation below the adapter.

FILE holds {"text": ...} a line in the form that the adapter was trained on.`,
		Example: `  elara evaluate --model_path models_files/medical_lora --test_data test_data.jsonl
  elara evaluate --model_path patient --test_data test.jsonl --train_data train.jsonl --json
  elara evaluate --model_path doctor --test_data test.jsonl --choices medqa=medqa/test.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if model == "" || data == "" {
				return usageError{fmt.Errorf("expected --model_path DIR and --test_data FILE (see %s --help)", cmd.CommandPath())}
			}
			args := []string{"evaluate", "--adapter", model, "--test-data", data, "--answered-rows", strconv.Itoa(answered), "--other-questions", strconv.Itoa(others)}
			for _, set := range choices {
				args = append(args, "--choices", set)
			}
			for _, given := range []struct{ flag, value string }{{"--train-data", train}, {"--model", base}, {"--audience", audience}, {"--out", out}} {
				if given.value != "" {
					args = append(args, given.flag, given.value)
				}
			}
			if asJSON {
				args = append(args, "--json")
			}
			return a.workerExec(cmd.Context(), args...)
		},
	}
	flags := command.Flags()
	flags.StringVar(&model, "model_path", "", "folder of the adapter")
	flags.StringVar(&data, "test_data", "", "rows to measure it on")
	flags.StringVar(&train, "train_data", "", "rows it was trained on: test rows that stand among them are left out")
	flags.StringVar(&base, "base_model", "", "base model: a folder, a .gguf file or owner/name (default what the adapter names)")
	flags.StringVar(&audience, "audience", "", "general, patient, doctor or emergency (default that of the first row)")
	flags.StringVar(&out, "output_dir", "", "folder for the report (default evaluation below the adapter)")
	flags.IntVar(&answered, "answered_rows", 200, "rows that are answered, and scored against their own answers")
	flags.IntVar(&others, "other_questions", 0, "other questions that each answer is held against: relevance by likelihood; 0: not measured")
	flags.StringArrayVar(&choices, "choices", nil, "multiple-choice questions to ask: FORM=FILE with form medqa, medmcqa, pubmedqa, generic or cloze; generic or cloze alone asks the project's own; may stand several times")
	flags.BoolVar(&asJSON, "json", false, "print data")
	return command
}

// workerExec runs one stage on this machine; what it prints is what this command prints.
func (a *app) workerExec(ctx context.Context, args ...string) error {
	command, err := a.workerCommand(ctx, args...)
	if err != nil {
		return err
	}
	command.Stdout = a.out
	return stageEnded(args[0], command.Run())
}

// workerCommand is a stage on this machine that ends in order when ctx does: it is asked to, and gets no Ctrl-C beside that.
func (a *app) workerCommand(ctx context.Context, args ...string) (*exec.Cmd, error) {
	worker, err := devstack.FindWorker()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, worker, append([]string{"exec"}, args...)...)
	command.Stderr = a.err
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stageStopsWithin
	return command, nil
}

// stageStopsWithin is what a stage has to end in order.
const stageStopsWithin = 30 * time.Second

// stageEnded says how a stage went.
func stageEnded(stage string, err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitRefused {
		return refusedError{fmt.Errorf("%s was refused, as said above", stage)}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", stage, err)
	}
	return nil
}
