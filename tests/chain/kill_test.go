package chain

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/storage/artifact"
	"elara/tests/toy"
)

// The buckets of an undisturbed run and of one whose worker is killed.
const (
	calmBucket  = "calm"
	roughBucket = "rough"
)

// killed runs a pipeline undisturbed, and once more with a worker that is killed with -9 at a step of a training; another worker
// takes over.
func (th *theatre) killed(t *testing.T, at int64, in func(run spec.RunID, bucket string) spec.PipelineInput) (calm, survived spec.PipelineResult) {
	t.Helper()
	th.worker(t, calmBucket, 0)
	calm = th.start(t, calmBucket, in("run-calm", calmBucket)).approve(t)

	victim := th.worker(t, roughBucket, at)
	rough := th.start(t, roughBucket, in("run-rough", roughBucket))
	<-victim.ended
	var exit *exec.ExitError
	require.True(t, errors.As(victim.err, &exit), "%v", victim.err)
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())

	th.worker(t, roughBucket, 0)
	return calm, rough.approve(t)
}

// sameWeights compares the bytes of what both runs trained.
func (th *theatre) sameWeights(t *testing.T, calm, survived spec.ArtifactRef) {
	t.Helper()
	want, err := artifact.ReadFile(t.Context(), th.store(t, calmBucket), calm, toy.WeightsFile)
	require.NoError(t, err)
	got, err := artifact.ReadFile(t.Context(), th.store(t, roughBucket), survived, toy.WeightsFile)
	require.NoError(t, err)
	require.Equal(t, want, got)
}
