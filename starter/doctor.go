package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/internal/setup"
	"elara/spec/fault"
	"elara/starter/terminal"
	"elara/storage"
	"elara/workflows"
)

// probeWithin bounds each look at a server.
const probeWithin = 15 * time.Second

func newDoctor(a *app) *cobra.Command {
	var (
		asJSON   bool
		buildDir string
	)
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Check this machine and the servers, with a remedy for what fails",
		Long: `Check what make setup needs and brings, the devices of this machine, Temporal, and that
the object store honours conditional writes (without which two workers could overwrite
each other's checkpoints).

Exit codes: 0 all is well; 1 a check failed.`,
		Example: `  elara doctor
  elara doctor --json | jq '.[] | select(.ok | not)'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Stat(buildDir); err != nil {
				buildDir = "" // not in a clone
			}
			checks := append(setup.Checks(cmd.Context(), buildDir), a.serverChecks(cmd)...)
			failed := 0
			for _, check := range checks {
				if !check.OK {
					failed++
				}
			}
			var err error
			if asJSON {
				err = a.printJSON(checks)
			} else {
				_, err = fmt.Fprint(a.out, checksText(checks))
			}
			if err == nil && failed > 0 {
				err = fault.New(fault.NotFound, "%d of %d checks failed", failed, len(checks))
			}
			return err
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	command.Flags().StringVar(&buildDir, "build", "build", "build folder of the clone")
	return command
}

// serverChecks looks at Temporal and at the object store.
func (a *app) serverChecks(cmd *cobra.Command) []setup.Check {
	const startStack = "start one with elara up --detach, or name a cluster (elara --help)"
	t, err := a.target(cmd)
	if err != nil {
		return []setup.Check{
			{Name: "temporal server", Found: oneLine(err), Expected: "a running stack, or settings that name a cluster", Remedy: startStack},
			{Name: "object store", Found: "not looked at", Expected: "conditional writes", Remedy: startStack},
		}
	}
	return append(temporalChecks(cmd.Context(), t), storeCheck(cmd.Context(), t))
}

// temporalChecks looks at the server and at the workers of both kinds of queue.
func temporalChecks(ctx context.Context, t target) []setup.Check {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	at := t.settings.Temporal
	answers := setup.Check{
		Name: "temporal server", Expected: "an answer in namespace " + at.Namespace, Remedy: "correct the address, or start the server",
	}
	server, err := t.dial(ctx)
	if err != nil {
		answers.Found = oneLine(err)
		return []setup.Check{answers}
	}
	defer server.Close()
	answers.OK, answers.Found = true, fmt.Sprintf("%s, namespace %s", at.Address, at.Namespace)
	device := workflows.DeviceQueue(t.settings.Queues.Train, t.settings.Worker.DeviceClass())
	return []setup.Check{
		answers,
		workerCheck(ctx, server, "worker", t.settings.Queues.Control, enums.TASK_QUEUE_TYPE_WORKFLOW),
		workerCheck(ctx, server, "device worker", device, enums.TASK_QUEUE_TYPE_ACTIVITY),
	}
}

func workerCheck(ctx context.Context, server client.Client, name, queue string, kind enums.TaskQueueType) setup.Check {
	check := setup.Check{
		Name: name, Expected: "at least one that polls the queue " + queue,
		Remedy: "start one: elara up, or build/elara-worker with the same settings; for devices it is built with make build",
	}
	described, err := server.DescribeTaskQueue(ctx, queue, kind)
	if err != nil {
		check.Found = oneLine(connect.Fault(err))
		return check
	}
	polling := len(described.GetPollers())
	check.OK, check.Found = polling > 0, fmt.Sprintf("%d on the queue %s", polling, queue)
	return check
}

func storeCheck(ctx context.Context, t target) setup.Check {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	at := t.settings.S3
	check := setup.Check{
		Name: "object store", Expected: "conditional writes (If-None-Match, If-Match)",
		Remedy: "correct endpoint, bucket or credentials, or use a server that honours conditional writes",
	}
	store, err := t.store(ctx)
	if err == nil {
		err = storage.Probe(ctx, store)
	}
	if err != nil {
		check.Found = oneLine(err)
		return check
	}
	where := at.Endpoint
	if where == "" {
		where = "AWS " + at.Region
	}
	check.OK, check.Found = true, fmt.Sprintf("%s, bucket %s, conditional writes hold", where, at.Bucket)
	return check
}

// checksText is one line per check, and under a failed one what was expected and what to do.
func checksText(checks []setup.Check) string {
	table := terminal.Table{Header: []string{"", "check", "found"}}
	for _, check := range checks {
		sign := "✓"
		if !check.OK {
			sign = "✗"
		}
		table.Rows = append(table.Rows, []string{sign, check.Name, check.Found})
		if check.OK {
			continue
		}
		if check.Expected != "" {
			table.Rows = append(table.Rows, []string{"", "", "  expected: " + check.Expected})
		}
		if check.Remedy != "" {
			table.Rows = append(table.Rows, []string{"", "", "  remedy:   " + check.Remedy})
		}
	}
	return table.String()
}
