package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"elara/configs"
	"elara/spec/fault"
	"elara/worker/exec"
)

func main() {
	if err := tuneOpenMP(); err != nil {
		fmt.Fprintln(os.Stderr, "elara-worker: start with OpenMP tuned:", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks to save and end; a second one ends at once
	os.Exit(execute(ctx, os.Args[1:], os.Stderr))
}

// execute runs one command line and gives its exit code. What went wrong is one line on standard error.
func execute(ctx context.Context, args []string, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "elara-worker: %s\n", strings.Join(strings.Fields(err.Error()), " "))
	}
	return exitCode(err)
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		return 2
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.Corrupt: // what was handed in is wrong, missing or damaged
		return 2
	}
	return 1
}

func newRoot() *cobra.Command {
	var configFile string
	root := &cobra.Command{
		Use:           "elara-worker",
		Short:         "Serve Elara's task queues: move data and models, train and evaluate",
		Args:          func(cmd *cobra.Command, args []string) error { return usage(cobra.NoArgs(cmd, args)) },
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := configs.LoadSettings(configFile, cmd.Flags())
			if err != nil {
				return err
			}
			return runWorker(cmd.Context(), settings)
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.Flags().StringVar(&configFile, "config", "", "settings file (also $ELARA_CONFIG)")
	configs.AddSettingsFlags(root.Flags())
	root.AddCommand(exec.Command())
	return root
}

func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}
