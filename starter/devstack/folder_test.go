package devstack

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"elara/spec/fault"
	"elara/workflows"
)

func newBody(text string) io.ReadSeeker { return strings.NewReader(text) }

// allAttributes sets every search attribute, so that a namespace that lacks one refuses.
func allAttributes() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(
		workflows.ElaraStage.ValueSet("train"), workflows.ElaraAdapter.ValueSet("patient"),
		workflows.ElaraBaseModel.ValueSet("base"), workflows.ElaraDataset.ValueSet("0123456789ab"),
		workflows.ElaraStep.ValueSet(1), workflows.ElaraEvalLoss.ValueSet(1.5),
	)
}

func TestFolderServesOneStackAtATime(t *testing.T) {
	folder := t.TempDir()
	first, err := lock(folder)
	require.NoError(t, err)
	held, err := locked(folder)
	require.NoError(t, err)
	require.True(t, held)

	_, err = lock(folder)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.ErrorContains(t, err, folder)
	require.ErrorContains(t, err, "elara down")

	require.NoError(t, first.Close())
	held, err = locked(folder)
	require.NoError(t, err)
	require.False(t, held)
}

func TestFolderWithoutAStackIsNotFound(t *testing.T) {
	_, err := Find(filepath.Join(t.TempDir(), "never-used"))
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	require.ErrorContains(t, err, "elara up")
}

func TestCredentialsAreMadeOnceAndKeptPrivate(t *testing.T) {
	folder := t.TempDir()
	first, err := keepCredentials(folder)
	require.NoError(t, err)
	again, err := keepCredentials(folder)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.GreaterOrEqual(t, len(first.SecretKey), 40)

	info, err := os.Stat(filepath.Join(folder, credentialsFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	other, err := keepCredentials(t.TempDir())
	require.NoError(t, err)
	require.NotEqual(t, first.SecretKey, other.SecretKey)
	require.NotContains(t, fmt.Sprintf("%v %s %+v", first, first, first), first.SecretKey)
}

func TestCredentialsThatAreNoneAreNamed(t *testing.T) {
	for text, want := range map[string]string{"not JSON": "expected JSON", `{"access_key":"a"}`: "expected access_key and secret_key"} {
		folder := t.TempDir()
		path := filepath.Join(folder, credentialsFile)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := keepCredentials(folder)
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, want)
	}
}

func TestPortsAreTheAskedOnesTheWishedOnesOrAny(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	busy := taken.Addr().(*net.TCPAddr).Port
	free, err := tryPort(t.Context(), 0)
	require.NoError(t, err)

	var chosen ports
	defer func() { require.NoError(t, chosen.Close()) }()
	_, err = chosen.choose(t.Context(), "Temporal", busy)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.ErrorContains(t, err, fmt.Sprintf("port %d for Temporal is not free", busy))

	port, err := chosen.choose(t.Context(), "Temporal", 0, 0, busy, free)
	require.NoError(t, err)
	require.Equal(t, free, port)

	port, err = chosen.choose(t.Context(), "Temporal", 0, busy)
	require.NoError(t, err)
	require.NotEqual(t, busy, port)
	require.NotZero(t, port)
}

// A port that nobody listens on may belong to a stack all the same: to one that starts, or whose part has just died.
func TestPortsOfOneStackAreTakenForEveryOther(t *testing.T) {
	var first, second ports
	port, err := first.choose(t.Context(), "Temporal", 0)
	require.NoError(t, err)
	_, err = tryPort(t.Context(), port)
	require.NoError(t, err, "nobody listens there")

	other, err := second.choose(t.Context(), "Temporal", 0, port)
	require.NoError(t, err)
	require.NotEqual(t, port, other)
	_, err = second.choose(t.Context(), "Temporal", port)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.ErrorContains(t, err, fmt.Sprintf("port %d for Temporal is not free: another stack has it", port))

	require.NoError(t, first.Close())
	again, err := second.choose(t.Context(), "Temporal", 0, port)
	require.NoError(t, err)
	require.Equal(t, port, again)
	require.NoError(t, second.Close())
}

func TestPortIsReadFromAddressesAndURLs(t *testing.T) {
	for text, want := range map[string]int{"127.0.0.1:7233": 7233, "http://127.0.0.1:8233": 8233, "": 0, "nonsense": 0} {
		require.Equal(t, want, portOf(text), text)
	}
}

func TestWorkerBelongsToItsStackWhateverTheEnvironmentNames(t *testing.T) {
	t.Setenv("ELARA_CONFIG", "cluster.yaml")
	t.Setenv("ELARA_TEMPORAL_API_KEY", "cloud")
	t.Setenv("ELARA_S3_PREFIX", "elsewhere/")
	t.Setenv("ELARA_WORKER_DEVICE", "cuda:0")
	env := workerEnv(Record{Temporal: "127.0.0.1:1", S3: "http://127.0.0.1:2", Bucket: "b", Curves: "/state/curves"}, Credentials{AccessKey: "k", SecretKey: "s"})
	joined := "\n" + strings.Join(env, "\n") + "\n"
	for _, absent := range []string{"ELARA_CONFIG=", "ELARA_TEMPORAL_API_KEY=", "ELARA_S3_PREFIX="} {
		require.NotContains(t, joined, "\n"+absent)
	}
	for _, present := range []string{"ELARA_WORKER_DEVICE=cuda:0", "ELARA_TEMPORAL_ADDRESS=127.0.0.1:1", "ELARA_S3_ENDPOINT=http://127.0.0.1:2", "ELARA_S3_SECRET_KEY=s", "ELARA_TELEMETRY_LOGGING_DIR=/state/curves"} {
		require.Contains(t, joined, "\n"+present+"\n")
	}
}

func TestCurvesLieInTheStateFolderUnlessTheEnvironmentSaysOtherwise(t *testing.T) {
	t.Setenv("ELARA_TELEMETRY_LOGGING_DIR", "")
	folder, err := curvesFolder("/state")
	require.NoError(t, err)
	require.Equal(t, "/state/curves", folder)
	t.Setenv("ELARA_TELEMETRY_LOGGING_DIR", "/elsewhere")
	folder, err = curvesFolder("/state")
	require.NoError(t, err)
	require.Equal(t, "/elsewhere", folder)
}
