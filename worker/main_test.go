package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func TestBadInputIsOneLineAndExitCode2(t *testing.T) {
	settings := filepath.Join(t.TempDir(), "worker.yaml")
	require.NoError(t, os.WriteFile(settings, []byte("temporal:\n  namespac: elara\n"), 0o600))
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"unknown flag":          {[]string{"--devise", "cpu"}, "--devise"},
		"an argument too many":  {[]string{"now"}, `"now"`},
		"misspelt setting":      {[]string{"--config", settings}, `worker.yaml:2: temporal.namespac: unknown key (did you mean "namespace"?)`},
		"missing settings file": {[]string{"--config", settings + "x"}, "worker.yamlx"},
		"unknown log format":    {[]string{"--telemetry-log-format", "xml"}, "expected one of text, json, found xml"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			require.Equal(t, 2, execute(t.Context(), test.args, &stderr), stderr.String())
			require.Contains(t, stderr.String(), test.says)
			require.Equal(t, 1, strings.Count(stderr.String(), "\n"))
			require.True(t, strings.HasPrefix(stderr.String(), "elara-worker: "))
		})
	}
}

func TestWhoIsToldIsCheckedBeforeAnythingIsReached(t *testing.T) {
	t.Setenv("ELARA_NOTIFY_WEBHOOK_URL", "https://chat.example.org/hook")
	var stderr bytes.Buffer
	require.Equal(t, 2, execute(t.Context(), nil, &stderr))
	require.Equal(t, "elara-worker: notify.webhook: expected both url and secret\n", stderr.String())
	t.Setenv("ELARA_NOTIFY_WEBHOOK_SECRET", "hunter2")
	stderr.Reset()
	require.Equal(t, 2, execute(t.Context(), nil, &stderr))
	require.Contains(t, stderr.String(), "notify.webhook.secret: expected whsec_ and base64 of 24 to 64 bytes")
	require.NotContains(t, stderr.String(), "hunter2")
}

func TestExitCodesTellBadInputFromTheRest(t *testing.T) {
	require.Equal(t, 0, exitCode(nil))
	require.Equal(t, 1, exitCode(errors.New("a defect")))
	require.Equal(t, 1, exitCode(fault.New(fault.Transient, "the store does not answer")))
	require.Equal(t, 2, exitCode(fmt.Errorf("open: %w", fault.New(fault.Invalid, "no such folder"))))
	require.Equal(t, 2, exitCode(usage(errors.New("unknown flag"))))
}
