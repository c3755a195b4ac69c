package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"elara/spec/fault"
	"elara/starter/devstack"
)

// stopWithin is how long the parts may take to stop: above the five minutes that a worker gives a training to finish its
// step, save and upload.
const stopWithin = 6 * time.Minute

func newUp(a *app) *cobra.Command {
	var (
		options  devstack.Options
		detach   bool
		noWorker bool
		announce bool
		asJSON   bool
	)
	command := &cobra.Command{
		Use:   "up",
		Short: "Run Temporal, the S3 gateway, a worker and the desk on this machine",
		Long: `Run everything Elara needs on this machine, on 127.0.0.1 only and with all state in
one folder: Temporal's development server with its Web UI, an S3 gateway, a worker,
and the desk, to which elara desk token add lets people in. A part that dies is started again. It runs until Ctrl-C, which lets the
worker save first; a second Ctrl-C ends everything at once. With --detach it goes
on in the background until elara down.`,
		Example: `  elara up
  elara up --detach --state ./state
  elara up --no-worker      # and run build/elara-worker by hand`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, err := a.state()
			if err != nil {
				return err
			}
			if detach {
				record, err := startDetached(cmd.Context(), folder, upArguments(cmd))
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(record)
				}
				_, err = fmt.Fprint(a.out, recordText(record, folder))
				return err
			}
			options.Folder = folder
			if options.Desk, err = deskCommand(folder); err != nil {
				return err
			}
			if !noWorker {
				if options.Worker, err = devstack.FindWorker(); err != nil {
					return err
				}
			}
			return a.up(cmd.Context(), options, announce, asJSON)
		},
	}
	flags := command.Flags()
	flags.BoolVar(&detach, "detach", false, "go on in the background; the command returns when every part answers")
	flags.BoolVar(&noWorker, "no-worker", false, "run no worker")
	flags.BoolVar(&asJSON, "json", false, "print the addresses as data")
	flags.IntVar(&options.TemporalPort, "temporal-port", 0, "port of Temporal (default: that of the last time, 7233, or a free one)")
	flags.IntVar(&options.UIPort, "ui-port", 0, "port of Temporal's Web UI (default: that of the last time, 8233, or a free one)")
	flags.IntVar(&options.S3Port, "s3-port", 0, "port of the S3 gateway (default: that of the last time, 7480, or a free one)")
	flags.IntVar(&options.DeskPort, "desk-port", 0, "port of the desk (default: that of the last time, 7450, or a free one)")
	flags.BoolVar(&announce, "announce", false, "tell the process that started this one when every part answers")
	_ = flags.MarkHidden("announce") // the flag was defined on the line above, so hiding it cannot fail
	return command
}

// up runs a stack in this process until ctx ends.
func (a *app) up(ctx context.Context, options devstack.Options, announced, asJSON bool) error {
	announce := func() error { return nil }
	if announced {
		announce = devstack.Announcer()
	}
	options.Report = func(line string) { a.say("%s  %s", a.now().UTC().Format(time.RFC3339), line) }
	stack, err := devstack.Start(ctx, options)
	if err != nil {
		return err
	}
	if asJSON {
		err = a.printJSON(stack.Record())
	} else {
		_, err = fmt.Fprint(a.out, recordText(stack.Record(), options.Folder))
	}
	if err = errors.Join(err, announce()); err == nil {
		<-ctx.Done()
		a.say("stopping: the worker saves first; Ctrl-C again ends everything at once")
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return errors.Join(err, stack.Stop(stopping))
}

// upArguments repeats the flags of up that shape the stack, for the process that will own it.
func upArguments(cmd *cobra.Command) []string {
	var args []string
	for _, name := range []string{"no-worker", "temporal-port", "ui-port", "s3-port", "desk-port"} {
		if flag := cmd.Flags().Lookup(name); flag.Changed {
			args = append(args, fmt.Sprintf("--%s=%s", name, flag.Value))
		}
	}
	return args
}

// startDetached starts a stack that outlives this process. A stack that runs in the folder already is Conflict.
func startDetached(ctx context.Context, folder string, args []string) (devstack.Record, error) {
	if _, err := devstack.Find(folder); err == nil {
		return devstack.Record{}, fault.WithHint(fault.New(fault.Conflict, "a stack runs in %s already", folder), "stop it with elara down")
	}
	self, err := os.Executable()
	if err != nil {
		return devstack.Record{}, fmt.Errorf("find this program: %w", err)
	}
	return devstack.Detach(ctx, folder, append([]string{self, "up", "--announce", "--state", folder}, args...))
}

func recordText(record devstack.Record, folder string) string {
	return fmt.Sprintf("Temporal   %s, namespace %s\nWeb UI     %s\nS3         %s, bucket %s\nMetrics    http://%s/metrics\nDesk       %s\nState      %s\n",
		record.Temporal, record.Namespace, record.UI, record.S3, record.Bucket, record.Metrics, record.Desk, folder)
}
