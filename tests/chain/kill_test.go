package chain

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"
	"time"

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
	victim.awaitKill(t)
	th.worker(t, roughBucket, 0)
	return calm, rough.approve(t)
}

// die ends this process as kill -9 does: nothing is flushed or said.
func die() {
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {} // the signal takes effect here at the latest
}

// awaitKill waits until a worker has come to the place where it dies.
func (p *process) awaitKill(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		require.Fail(t, "the worker lives")
	}
	var exit *exec.ExitError
	require.True(t, errors.As(p.err, &exit), "%v", p.err)
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())
}

// sameWeights compares the bytes of what the undisturbed run trained with those of the run of another bucket.
func (th *theatre) sameWeights(t *testing.T, calm spec.ArtifactRef, bucket string, survived spec.ArtifactRef) {
	t.Helper()
	want, err := artifact.ReadFile(t.Context(), th.store(t, calmBucket), calm, toy.WeightsFile)
	require.NoError(t, err)
	got, err := artifact.ReadFile(t.Context(), th.store(t, bucket), survived, toy.WeightsFile)
	require.NoError(t, err)
	require.Equal(t, want, got)
}
