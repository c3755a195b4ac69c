package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/sdk/client"

	"elara/configs"
	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/starter/devstack"
	"elara/storage"
	"elara/telemetry/runlog"
	"elara/workflows"
)

// target is where a verb works: the stack of this machine, or what the settings name.
type target struct {
	settings configs.Settings
	ui       string // URL of Temporal's Web UI; empty where it is not known
}

// target finds out. Settings that were given win: a settings file, a flag, or Temporal's address in the environment.
// Without them a running stack of the state folder is used, with its own store and queues.
func (a *app) target(cmd *cobra.Command) (target, error) {
	settings, err := configs.LoadSettings(a.configFile, cmd.Flags())
	if err != nil {
		return target{}, err
	}
	if a.configFile != "" || a.getenv("ELARA_CONFIG") != "" || a.getenv("ELARA_TEMPORAL_ADDRESS") != "" || settingGiven(cmd.Flags()) {
		return target{settings: settings}, nil
	}
	folder, err := a.state()
	if err != nil {
		return target{}, err
	}
	t, err := stackTarget(folder, settings.Telemetry)
	t.settings.Worker = settings.Worker // its worker was started with the same environment
	return t, err
}

// withServer connects to Temporal for as long as a verb needs it.
func (a *app) withServer(cmd *cobra.Command, use func(context.Context, target, client.Client) error) error {
	t, err := a.target(cmd)
	if err != nil {
		return err
	}
	server, err := t.dial(cmd.Context())
	if err != nil {
		return err
	}
	defer server.Close()
	return use(cmd.Context(), t, server)
}

// withRun is withServer for a verb about one run: the one that the first argument names, or the newest when there is none.
// An empty argument (a variable that was not set, most likely) is not taken for the newest.
func (a *app) withRun(cmd *cobra.Command, args []string, use func(context.Context, target, client.Client, runInfo) error) error {
	name := ""
	if len(args) > 0 {
		if name = args[0]; name == "" {
			return usageError{fmt.Errorf("the name of the run is empty (see %s --help)", cmd.CommandPath())}
		}
	}
	return a.withServer(cmd, func(ctx context.Context, t target, server client.Client) error {
		run, err := findRun(ctx, server, name)
		if err != nil {
			return err
		}
		return use(ctx, t, server, run)
	})
}

// withStore opens the object store for a verb.
func (a *app) withStore(cmd *cobra.Command, use func(context.Context, storage.Store) error) error {
	t, err := a.target(cmd)
	if err != nil {
		return err
	}
	store, err := t.store(cmd.Context())
	if err != nil {
		return err
	}
	return use(cmd.Context(), store)
}

// settingGiven reports whether a flag says where to work.
func settingGiven(flags *pflag.FlagSet) bool {
	var settings pflag.FlagSet
	addSettings(&settings, "temporal-", "s3-", "queues-")
	given := false
	settings.VisitAll(func(flag *pflag.Flag) { given = given || flags.Changed(flag.Name) })
	return given
}

// stackTarget points at the stack of a folder, whatever cluster the environment names. What is told to whom stays.
func stackTarget(folder string, telemetry configs.TelemetrySettings) (target, error) {
	record, err := devstack.Find(folder)
	if err != nil {
		return target{}, err
	}
	credentials, err := devstack.LoadCredentials(folder)
	if err != nil {
		return target{}, err
	}
	telemetry.LoggingDir = record.Curves
	return target{ui: record.UI, settings: configs.Settings{
		Temporal: configs.TemporalSettings{Address: record.Temporal, Namespace: record.Namespace},
		Queues:   configs.QueueSettings{Control: workflows.ControlQueue, Train: workflows.TrainQueue},
		S3: configs.S3Settings{
			Endpoint: record.S3, Region: record.Region, Bucket: record.Bucket, PathStyle: true,
			AccessKey: configs.NewSecret(credentials.AccessKey), SecretKey: configs.NewSecret(credentials.SecretKey),
		},
		Telemetry: telemetry,
	}}, nil
}

// curves is the page that shows the curves of a run, or "" where no training of it has ended on this machine.
func (t target) curves(run spec.RunID) string {
	if t.settings.Telemetry.LoggingDir == "" {
		return ""
	}
	page := filepath.Join(t.settings.Telemetry.LoggingDir, string(run), runlog.ReportFile)
	if _, err := os.Stat(page); err != nil { // a folder that cannot be read has nothing to show, either
		return ""
	}
	return page
}

// dial connects to Temporal and makes sure that it answers.
func (t target) dial(ctx context.Context) (client.Client, error) {
	return t.dialWith(ctx, client.Options{Logger: connect.Quiet{}})
}

// dialWith is dial with options of one's own; the target adds where and how.
func (t target) dialWith(ctx context.Context, options client.Options) (client.Client, error) {
	server, err := connect.Temporal(ctx, t.settings.Temporal, options)
	if fault.Is(err, fault.Transient) {
		err = fault.WithHint(err, "look at elara doctor")
	}
	return server, err
}

// store opens the object store.
func (t target) store(ctx context.Context) (storage.Store, error) {
	return connect.Store(ctx, t.settings.S3)
}
