package configs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestSecretIsHiddenInEveryRendering(t *testing.T) {
	const value = "hunter2-very-secret"
	secret := NewSecret(value)
	inside := struct {
		S Secret
		P *Secret
		M map[string]Secret
	}{S: secret, P: &secret, M: map[string]Secret{"k": secret}}

	var written []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		written = append(written, fmt.Sprintf(verb, secret), fmt.Sprintf(verb, inside))
	}
	asJSON, err := json.Marshal(inside)
	require.NoError(t, err)
	asYAML, err := yaml.Marshal(inside)
	require.NoError(t, err)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "s", secret, "in", inside)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "s", secret, "in", inside)
	written = append(written, string(asJSON), string(asYAML), log.String(), secret.String(), fmt.Errorf("with %v", secret).Error())

	for _, text := range written {
		require.NotContains(t, text, value)
		require.NotContains(t, text, fmt.Sprintf("%x", value))
	}
	require.Equal(t, "***", fmt.Sprint(secret))
	require.JSONEq(t, `{"S":"***","P":"***","M":{"k":"***"}}`, string(asJSON))
	require.Equal(t, value, secret.Reveal())
}
