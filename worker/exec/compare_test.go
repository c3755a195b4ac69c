package exec_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

// measurement is a folder of 40 rows that lose so many nats a token.
func measurement(t *testing.T, nats float64) string {
	t.Helper()
	dir := t.TempDir()
	var losses strings.Builder
	for i := range 40 {
		fmt.Fprintf(&losses, "{\"line\":%d,\"tokens\":2,\"base_nll\":9,\"adapter_nll\":%g,\"case\":\"%d\"}\n", i+1, 2*(nats+0.001*float64(i%3)), i)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "losses.jsonl"), []byte(losses.String()), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "answers.jsonl"), nil, 0o600))
	return dir
}

func TestCompareTellsTheAdaptersApart(t *testing.T) {
	older, newer := measurement(t, 2), measurement(t, 1.5)
	var gate struct {
		Verdict     string
		Comparisons []struct {
			Items int
			Gain  struct{ Value, Low, High float64 }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(stdout(t, "compare", "--old", older, "--new", newer, "--json")), &gate))
	require.Equal(t, "insufficient data", gate.Verdict, "no answers were scored")
	require.Equal(t, 40, gate.Comparisons[0].Items)
	require.InDelta(t, 0.5, gate.Comparisons[0].Gain.Value, 1e-12)

	text := stdout(t, "compare", "--old", older, "--new", newer)
	require.Contains(t, text, "0.500 (0.500 to 0.500)")
	require.Contains(t, text, "accuracy: not measured")
	require.Contains(t, stdout(t, "compare", "--old", newer, "--new", older), "loss: worse by 0.5")

	_, err := run("compare", "--old", older, "--new", t.TempDir())
	require.True(t, fault.Is(err, fault.Invalid))
	require.ErrorContains(t, err, "no answers.jsonl; expected the folder of a measurement")
}
