package audit

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func TestAnActIsWrittenDownBeforeAndAfter(t *testing.T) {
	for _, test := range []struct {
		before        bool
		err           error
		outcome, kind string
	}{
		{false, nil, Done, ""},
		{true, nil, SaidBefore, ""},
		{false, fault.New(fault.Invalid, "no role"), Refused, "Invalid"},
		{false, fault.New(fault.NotFound, "no token"), Refused, "NotFound"},
		{false, fault.New(fault.Conflict, "said otherwise"), Refused, "Conflict"},
		{false, fault.New(fault.Transient, "the store is away"), Unknown, "Transient"},
		{false, errors.New("anything else"), Unknown, ""},
	} {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		log, err := Open(path)
		require.NoError(t, err)
		lost, err := log.Act(Entry{What: AddToken}, func() (bool, error) {
			require.Equal(t, []string{Asked}, outcomes(t, path))
			return test.before, test.err
		})
		require.NoError(t, lost)
		require.Equal(t, test.err, err)
		require.Equal(t, []string{Asked, strings.TrimSpace(test.outcome + " " + test.kind)}, outcomes(t, path))

		lost, err = log.Act(Entry{What: AddToken}, func() (bool, error) { return false, log.Close() })
		require.NoError(t, err, "it was done")
		require.ErrorContains(t, lost, "write add-token, done, to the audit log")
		_, err = log.Act(Entry{What: AddToken}, func() (bool, error) { panic("what cannot be written down is not done") })
		require.ErrorIs(t, err, os.ErrClosed)
	}
}

// outcomes reads the outcomes with their kinds.
func outcomes(t *testing.T, path string) (all []string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		var e Entry
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		all = append(all, strings.TrimSpace(e.Outcome+" "+e.Kind))
	}
	return all
}
