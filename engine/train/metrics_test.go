package train

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetricsAreKeysOfTheirEntry(t *testing.T) {
	loss := 0.5
	entry := LogEntry{Epoch: 1, Step: 2, Loss: &loss, Metrics: map[string]float64{"objective/kl": 0.25, "lr": 3e-6}}
	data, err := json.Marshal(entry)
	require.NoError(t, err)
	require.Equal(t, `{"epoch":1,"step":2,"loss":0.5,"lr":0.000003,"objective/kl":0.25}`, string(data))
	var back LogEntry
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, entry, back)

	entry.Metrics = nil
	data, err = json.Marshal(entry)
	require.NoError(t, err)
	require.Equal(t, `{"epoch":1,"step":2,"loss":0.5}`, string(data))
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, entry, back)
}
