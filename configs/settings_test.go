package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func TestSettingsDefaultsAreTheLocalStack(t *testing.T) {
	withoutVariables(t)
	t.Setenv("XDG_CACHE_HOME", "/cache")
	s, err := LoadSettings("", nil)
	require.NoError(t, err)
	require.Equal(t, Settings{
		Temporal:  TemporalSettings{Address: "127.0.0.1:7233", Namespace: "elara"},
		Queues:    QueueSettings{Control: "elara", Train: "elara-train"},
		S3:        S3Settings{Region: "us-east-1", Bucket: "elara"},
		CacheDir:  "/cache/elara",
		Telemetry: TelemetrySettings{MetricsAddress: "127.0.0.1:9464", LogLevel: "info", LogFormat: "text"},
		Worker:    WorkerSettings{Device: "cpu", AdaptersAtOnce: 4},
	}, s)
}

func TestSettingsLayersFileVariableFlag(t *testing.T) {
	withoutVariables(t)
	path := write(t, "s.yaml", "temporal: {address: 'file:1', namespace: fromfile}\ns3: {bucket: fromfile, path_style: true}\nworker: {device: 'cuda:3', threads: 2}\ncache_dir: cache\n")
	t.Setenv("ELARA_TEMPORAL_ADDRESS", "env:2")
	t.Setenv("ELARA_S3_BUCKET", "fromenv")
	t.Setenv("ELARA_WORKER_THREADS", "5")
	t.Setenv("ELARA_S3_CREATE_BUCKET", "true")
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddSettingsFlags(flags)
	require.NoError(t, flags.Parse([]string{"--temporal-address", "flag:3", "--s3-endpoint=http://127.0.0.1:9000", "--s3-path-style=false", "--temporal-tls-enabled"}))
	s, err := LoadSettings(path, flags)
	require.NoError(t, err)
	require.Equal(t, "flag:3", s.Temporal.Address)
	require.Equal(t, "fromfile", s.Temporal.Namespace)
	require.True(t, s.Temporal.TLS.Enabled)
	require.Equal(t, "fromenv", s.S3.Bucket)
	require.False(t, s.S3.PathStyle)
	require.True(t, s.S3.CreateBucket)
	require.Equal(t, 5, s.Worker.Threads)
	require.Equal(t, "cuda", s.Worker.DeviceClass())
	require.Equal(t, filepath.Join(filepath.Dir(path), "cache"), s.CacheDir)

	t.Setenv("ELARA_CONFIG", path)
	s, err = LoadSettings("", nil)
	require.NoError(t, err)
	require.Equal(t, "fromfile", s.Temporal.Namespace)
}

func TestWhereCurvesGoIsASetting(t *testing.T) {
	withoutVariables(t)
	path := write(t, "s.yaml", "telemetry: {logging_dir: curves, report_to: [tensorboard, wandb], wandb: {project: p, entity: e}}\n")
	s, err := LoadSettings(path, nil)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(filepath.Dir(path), "curves"), s.Telemetry.LoggingDir)
	require.Equal(t, []string{"tensorboard", "wandb"}, s.Telemetry.ReportTo)
	require.Equal(t, WandBSettings{Project: "p", Entity: "e"}, s.Telemetry.WandB)

	t.Setenv("ELARA_TELEMETRY_REPORT_TO", "wandb")
	s, err = LoadSettings(path, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"wandb"}, s.Telemetry.ReportTo)

	t.Setenv("ELARA_TELEMETRY_REPORT_TO", "wandb,mlflow")
	_, err = LoadSettings(path, nil)
	refused(t, err, path, "environment ELARA_TELEMETRY_REPORT_TO: report_to[1]: expected tensorboard or wandb, found mlflow")
}

func TestSecretsComeFromTheEnvironmentOrFilesOnly(t *testing.T) {
	withoutVariables(t)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "key"), []byte("from-file\n"), 0o600))
	path := filepath.Join(folder, "s.yaml")
	require.NoError(t, os.WriteFile(path, []byte("s3: {secret_key_file: key}\n"), 0o600))
	t.Setenv("ELARA_S3_ACCESS_KEY", "from-environment")
	s, err := LoadSettings(path, nil)
	require.NoError(t, err)
	require.Equal(t, "from-environment", s.S3.AccessKey.Reveal())
	require.Equal(t, "from-file", s.S3.SecretKey.Reveal())
	require.NotContains(t, fmt.Sprintf("%+v %#v", s, s), "from-")

	t.Setenv("ELARA_S3_SECRET_KEY", "twice")
	_, err = LoadSettings(path, nil)
	refused(t, err, path, "s.yaml:1: s3.secret_key and s3.secret_key_file are both given, expected one of them")

	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddSettingsFlags(flags)
	for _, name := range []string{"s3-access-key", "s3-secret-key", "temporal-api-key"} {
		require.Nil(t, flags.Lookup(name), "a secret on the command line is seen by every process")
		require.NotNil(t, flags.Lookup(name+"-file"))
	}
}

func TestAnAPIKeyTurnsTLSOn(t *testing.T) {
	withoutVariables(t)
	t.Setenv("ELARA_TEMPORAL_API_KEY", "k")
	s, err := LoadSettings("", nil)
	require.NoError(t, err)
	require.True(t, s.Temporal.TLS.Enabled)
}

func TestBadSettingsAreRefusedWithThePlace(t *testing.T) {
	withoutVariables(t)
	for name, c := range map[string]struct{ content, want string }{
		"misspelt":           {"s3:\n  buket: x", `s.yaml:2: s3.buket: unknown key (did you mean "bucket"?)`},
		"secret in the file": {"s3:\n  secret_key: hunter2", "s.yaml:2: s3.secret_key: a secret does not stand in a file of settings, expected secret_key_file with the path of a file that holds it, or an environment variable"},
		"secret number":      {"s3:\n  access_key: 1234", "s.yaml:2: s3.access_key: a secret does not stand in a file of settings, expected access_key_file with the path of a file that holds it, or an environment variable"},
		"no such secret":     {"s3:\n  secret_key_file: gone", `s.yaml:2: s3.secret_key_file: "gone" cannot be opened: no such file or directory`},
		"address":            {"temporal: {address: localhost}", `s.yaml:1: temporal.address: expected host:port, found the text "localhost"`},
		"port":               {"telemetry: {metrics_address: '127.0.0.1:70000'}", `s.yaml:1: telemetry.metrics_address: expected host:port, found the text "127.0.0.1:70000"`},
		"endpoint":           {"s3: {endpoint: '127.0.0.1:9000'}", `s.yaml:1: s3.endpoint: expected an http:// or https:// URL of a host, without user and query, found the text "127.0.0.1:9000"`},
		"bucket":             {"s3: {bucket: Elara}", `s.yaml:1: s3.bucket: expected 3-63 of a-z, 0-9, '-' and '.', found the text "Elara"`},
		"prefix":             {"s3: {prefix: a}", `s.yaml:1: s3.prefix: expected folders of A-Z, a-z, 0-9, '.', '_' and '-', each ending in '/', found the text "a"`},
		"prefix that climbs": {"s3: {prefix: a/../}", `s.yaml:1: s3.prefix: expected folders of A-Z, a-z, 0-9, '.', '_' and '-', each ending in '/', found the text "a/../"`},
		"device":             {"worker: {device: gpu}", `s.yaml:1: worker.device: expected cpu or cuda:N, found the text "gpu"`},
		"level":              {"telemetry: {log_level: loud}", `s.yaml:1: telemetry.log_level: expected one of debug, info, warn, error, found the text "loud"`},
		"half a pair":        {"temporal:\n  tls:\n    cert_file: c.pem", "s.yaml:2: temporal.tls: only one of cert_file and key_file is given, expected both or neither"},
		"no such file":       {"temporal:\n  tls:\n    ca_file: c.pem", `s.yaml:3: temporal.tls.ca_file: "c.pem" cannot be opened: no such file or directory, expected a PEM file`},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "s.yaml", c.content)
			_, err := LoadSettings(path, nil)
			refused(t, err, path, c.want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
	path := write(t, "s.yaml", "worker: {threads: 2}\n")
	t.Setenv("ELARA_S3_ACCESS_KEY", "only-one")
	_, err := LoadSettings(path, nil)
	refused(t, err, path, "environment ELARA_S3_ACCESS_KEY: s3: only one of access_key and secret_key is given, expected both or neither")
	t.Setenv("ELARA_S3_ACCES_KEY", "x")
	_, err = LoadSettings(path, nil)
	refused(t, err, path, `environment ELARA_S3_ACCES_KEY: unknown variable (did you mean "ELARA_S3_ACCESS_KEY"?)`)
}

func TestEverySettingHasItsOwnVariableAndFlag(t *testing.T) {
	leaves := new(settingsReader).keys().leaves()
	seen := map[string]string{}
	for _, path := range sortedPaths(leaves) {
		for _, name := range []string{variable(path), flagName(path)} {
			require.Empty(t, seen[name], "%s and %s share %s", path, seen[name], name)
			seen[name] = path
		}
	}
	for path := range (&pipelineReader{}).keys().leaves() {
		require.Empty(t, seen[variable(path)], "a pipeline's %s is a setting's variable too", path)
	}
	require.True(t, strings.HasPrefix(variable("s3.bucket"), "ELARA_S3_"))
}
