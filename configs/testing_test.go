package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"elara/spec/fault"

	"github.com/stretchr/testify/require"
)

// write puts a file into a new folder and gives its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// replaced gives a text with one replacement.
func replaced(t *testing.T, text, old, replacement string) string {
	t.Helper()
	require.Contains(t, text, old)
	return strings.Replace(text, old, replacement, 1)
}

// refused checks that an error is of kind Invalid, of one line, and says exactly this after the folder.
func refused(t *testing.T, err error, path, want string) {
	t.Helper()
	require.Error(t, err)
	require.True(t, fault.Is(err, fault.Invalid), "kind %q of %v", fault.KindOf(err), err)
	got := strings.ReplaceAll(err.Error(), filepath.Dir(path)+string(filepath.Separator), "")
	require.NotContains(t, got, "\n")
	require.Equal(t, want, got)
}

// withoutVariables clears what the caller's environment may hold.
func withoutVariables(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, environmentPrefix) {
			t.Setenv(name, value) // restores it afterwards
			require.NoError(t, os.Unsetenv(name))
		}
	}
}
