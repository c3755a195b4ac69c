package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/sdk/client"

	"elara/configs"
	"elara/spec/fault"
	"elara/starter/devstack"
	"elara/storage"
	"elara/storage/s3"
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
	return stackTarget(folder, settings.Telemetry)
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

// dial connects to Temporal and makes sure that it answers.
func (t target) dial(ctx context.Context) (client.Client, error) {
	return t.dialWith(ctx, client.Options{Logger: quiet{}})
}

// dialWith is dial with options of one's own; the target adds where and how.
func (t target) dialWith(ctx context.Context, options client.Options) (client.Client, error) {
	at := t.settings.Temporal
	options.HostPort, options.Namespace = at.Address, at.Namespace
	if at.TLS.Enabled {
		encrypted, err := tlsConfig(at.TLS)
		if err != nil {
			return nil, err
		}
		options.ConnectionOptions.TLS = encrypted
	}
	if !at.APIKey.IsZero() {
		options.Credentials = client.NewAPIKeyStaticCredentials(at.APIKey.Reveal())
	}
	connection, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.Transient, "connect to Temporal at %s: %w", at.Address, err), "look at elara doctor")
	}
	return connection, nil
}

func tlsConfig(s configs.TLSSettings) (*tls.Config, error) {
	config := &tls.Config{ServerName: s.ServerName, MinVersion: tls.VersionTLS12}
	if s.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			return nil, fault.At(s.CertFile, 0, "expected a PEM certificate that fits the key %s: %w", s.KeyFile, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fault.New(fault.Invalid, "read the certificate authorities: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.At(s.CAFile, 0, "expected PEM certificates")
		}
	}
	return config, nil
}

// store opens the object store.
func (t target) store(ctx context.Context) (storage.Store, error) {
	at := t.settings.S3
	return s3.Open(ctx, s3.Options{
		Endpoint: at.Endpoint, Region: at.Region, Bucket: at.Bucket, Prefix: strings.TrimSuffix(at.Prefix, "/"), PathStyle: at.PathStyle,
		AccessKey: at.AccessKey.Reveal(), SecretKey: s3.Secret(at.SecretKey.Reveal()), CreateBucket: at.CreateBucket,
	})
}

// quiet is the logger of a client whose errors are all returned: nothing is left for it to say.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
