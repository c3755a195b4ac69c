package chain

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
)

var update = flag.Bool("update", false, "record the histories of package workflows anew")

const historyFolder = "../../workflows/testdata/histories"

// record writes the histories of finished workflows when the test runs with -update.
func record(t *testing.T, c client.Client, workflows map[string]string) {
	t.Helper()
	if !*update {
		return
	}
	require.NoError(t, os.MkdirAll(historyFolder, 0o755))
	for name, id := range workflows {
		var history historypb.History
		for events := c.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
			event, err := events.Next()
			require.NoError(t, err)
			history.Events = append(history.Events, event)
		}
		text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&history)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(historyFolder, name+".json"), append(text, '\n'), 0o644))
	}
}
