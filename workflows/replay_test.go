package workflows

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
)

// Histories of real runs: code that would make other commands of them than it did then would leave runs that are under
// way standing still. They are recorded by the tests of the whole chain:
//
//	go test ./tests/chain -run 'TestFromRowsToARelease|TestFromPairsToPreferences|TestGatesDecideWhoIsAsked|TestAdaptersThatKnow|TestFromJudgementsToARelease|TestFromRowsToAnExportedStudent' -update
//
// One whose name ends in before-… is of code before a change of its commands, and is kept as it is.
func TestRecordedHistoriesReplay(t *testing.T) {
	histories, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	require.Len(t, histories, 30)
	for _, history := range histories {
		t.Run(filepath.Base(history), func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			Register(replayer)
			logger := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(logger, history))
		})
	}
}
