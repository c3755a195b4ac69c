package deploy_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"elara/configs"
	"elara/telemetry"
	"elara/workflows"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.yaml.in/yaml/v3"
)

const root = "../.."

// composeFile is what the tests read of docker-compose.yml.
type composeFile struct {
	Services map[string]struct {
		Image       string
		Build       string
		Command     []string
		Environment map[string]string
		EnvFile     string `yaml:"env_file"`
		Ports       []string
		Volumes     []string
		Restart     string
		Healthcheck map[string]any
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	}
	Volumes map[string]any
}

func compose(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	require.NoError(t, yaml.Unmarshal(read(t, "docker-compose.yml"), &file))
	require.NotEmpty(t, file.Services)
	return file
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return content
}

func TestComposeHasEveryPartOfTheProductionShape(t *testing.T) {
	require.Equal(t, []string{
		"grafana", "jaeger", "otel-collector", "postgres", "prometheus", "s3", "temporal", "temporal-database",
		"temporal-namespace", "temporal-ui", "worker",
	}, slices.Sorted(maps.Keys(compose(t).Services)))
}

// pinned is a tag that names one release: at least two numbers, and neither latest nor a bare major.
var pinned = regexp.MustCompile(`^[a-z0-9/-]+:v?[0-9]+\.[0-9]+(\.[0-9]+)?(-[a-z0-9.]+)?$`)

func TestEveryImageIsPinned(t *testing.T) {
	for name, service := range compose(t).Services {
		if service.Build != "" {
			require.Equal(t, ".", service.Build, name)
			continue
		}
		require.Regexp(t, pinned, service.Image, name)
	}
	for line := range strings.Lines(string(read(t, "Dockerfile"))) {
		if image, isFrom := strings.CutPrefix(line, "FROM "); isFrom {
			require.Regexp(t, pinned, strings.Fields(image)[0], "Dockerfile")
		}
	}
	for _, loose := range []string{"postgres", "postgres:latest", "postgres:16", "a/b:v1", "a/b:stable"} {
		require.NotRegexp(t, pinned, loose)
	}
}

func TestPortsArePublishedOnTheLoopbackOnlyAndOnce(t *testing.T) {
	seen := map[string]string{}
	for name, service := range compose(t).Services {
		for _, port := range service.Ports {
			require.Regexp(t, `^127\.0\.0\.1:[0-9]+:[0-9]+$`, port, name)
			host := strings.Split(port, ":")[1]
			require.Empty(t, seen[host], "%s and %s publish port %s", name, seen[host], host)
			seen[host] = name
		}
	}
	require.Len(t, seen, 7)
}

func TestSecretsAreNotWrittenDown(t *testing.T) {
	secret := regexp.MustCompile(`(?i)(password|pwd|secret|access_key|api_key)`)
	reference := regexp.MustCompile(`^\$\{[A-Z0-9_]+:\?copy deploy/env\.example to \.env\}$`)
	for name, service := range compose(t).Services {
		for variable, value := range service.Environment {
			if secret.MatchString(variable) {
				require.Regexp(t, reference, value, "%s: %s", name, variable)
			}
		}
	}
	require.NotContains(t, string(read(t, "deploy/temporal/server.env")), "PWD")
}

// Every variable that the file asks for stands in the example, and the other way round.
func TestExampleEnvironmentIsWhatComposeAsksFor(t *testing.T) {
	asked := map[string]bool{}
	for _, match := range regexp.MustCompile(`\$\{([A-Z0-9_]+)`).FindAllStringSubmatch(string(read(t, "docker-compose.yml")), -1) {
		asked[match[1]] = true
	}
	require.Equal(t, slices.Sorted(maps.Keys(asked)), slices.Sorted(maps.Keys(variables(t, "deploy/env.example"))))
}

func variables(t *testing.T, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(string(read(t, path))))
	for lines.Scan() {
		if name, value, set := strings.Cut(lines.Text(), "="); set && !strings.HasPrefix(name, "#") {
			found[name] = value
		}
	}
	return found
}

func TestMountedFilesExistAndDependenciesAreServices(t *testing.T) {
	file := compose(t)
	for name, service := range file.Services {
		for _, volume := range service.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			switch {
			case strings.HasPrefix(source, "./"):
				_, err := os.Stat(filepath.Join(root, source))
				require.NoError(t, err, name)
			case strings.HasPrefix(source, "$"):
			default:
				require.Contains(t, file.Volumes, source, name)
			}
		}
		if service.EnvFile != "" {
			require.FileExists(t, filepath.Join(root, service.EnvFile), name)
		}
		for other, how := range service.DependsOn {
			require.Contains(t, file.Services, other, name)
			if how.Condition == "service_healthy" {
				require.NotEmpty(t, file.Services[other].Healthcheck, "%s waits for the health of %s", name, other)
			}
		}
		for _, argument := range service.Command {
			if script, ours := strings.CutPrefix(argument, "/etc/elara/setup-"); ours {
				require.FileExists(t, filepath.Join(root, "deploy/temporal/setup-"+script), name)
			}
		}
	}
}

// The worker of docker-compose.yml reads its settings strictly: a variable or key that is none is an error.
func TestWorkersSettingsLoadAsComposed(t *testing.T) {
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "ELARA_") {
			t.Setenv(name, value)
			require.NoError(t, os.Unsetenv(name))
		}
	}
	for name, value := range compose(t).Services["worker"].Environment {
		if name != "ELARA_CONFIG" {
			t.Setenv(name, value)
		}
	}
	settings, err := configs.LoadSettings(filepath.Join(root, "deploy/production.yaml"), nil)
	require.NoError(t, err)
	services := compose(t).Services
	for _, address := range []string{settings.Temporal.Address, strings.TrimPrefix(settings.S3.Endpoint, "http://"), settings.Telemetry.OTLPEndpoint} {
		host, _, _ := strings.Cut(address, ":")
		require.Contains(t, services, host, "%s names a service", address)
	}
	require.Equal(t, services["temporal-namespace"].Environment["TEMPORAL_NAMESPACE"], settings.Temporal.Namespace)
	require.True(t, settings.S3.PathStyle)
	require.Equal(t, "0.0.0.0:9464", settings.Telemetry.MetricsAddress, "Prometheus asks from another container")
	require.Contains(t, string(read(t, "deploy/prometheus.yaml")), "port: 9464")
	require.Equal(t, workflows.ControlQueue, settings.Queues.Control)
	require.Equal(t, workflows.TrainQueue, settings.Queues.Train)

	t.Setenv("ELARA_S3_ENDPIONT", "x")
	_, err = configs.LoadSettings(filepath.Join(root, "deploy/production.yaml"), nil)
	require.ErrorContains(t, err, "ELARA_S3_ENDPIONT")
}

func TestNamespaceScriptMakesTheWorkflowsSearchAttributes(t *testing.T) {
	names := map[enums.IndexedValueType]string{
		enums.INDEXED_VALUE_TYPE_KEYWORD: "Keyword", enums.INDEXED_VALUE_TYPE_INT: "Int", enums.INDEXED_VALUE_TYPE_DOUBLE: "Double",
	}
	var want []string
	for _, key := range workflows.SearchAttributes() {
		want = append(want, fmt.Sprintf("%s:%s", key.GetName(), names[key.GetValueType()]))
	}
	found := regexp.MustCompile(`Elara[A-Za-z]+:[A-Z][a-z]+`).FindAllString(string(read(t, "deploy/temporal/setup-namespace.sh")), -1)
	require.ElementsMatch(t, want, found)
}

// A panel over a metric that nothing writes would stay empty without a word.
func TestDashboardReadsMetricsThatExist(t *testing.T) {
	var dashboard struct {
		UID    string
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(read(t, "deploy/grafana/dashboards/elara.json"), &dashboard))
	require.Len(t, dashboard.Panels, 14)
	known := map[string]bool{}
	for _, name := range []string{telemetry.TrainStepDuration, telemetry.CheckpointCommitDuration, telemetry.StageDuration} {
		for _, part := range []string{"_bucket", "_count", "_sum"} {
			known[strings.ReplaceAll(name, ".", "_")+"_seconds"+part] = true
		}
	}
	for _, name := range []string{telemetry.TrainTokens + "_total", telemetry.TrainSteps + "_total", telemetry.TrainLoss, telemetry.CheckpointCommitBytes + "_bytes_total"} {
		known[strings.ReplaceAll(name, ".", "_")] = true
	}
	labels := []string{telemetry.LabelStage, telemetry.LabelAdapter, telemetry.LabelOutcome}
	for _, label := range labels {
		known[strings.ReplaceAll(label, ".", "_")] = true
	}
	for _, panel := range dashboard.Panels {
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			for _, name := range regexp.MustCompile(`elara_[a-z_]+`).FindAllString(target.Expr, -1) {
				require.True(t, known[name], "panel %q reads %s", panel.Title, name)
			}
		}
	}
}
