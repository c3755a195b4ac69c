//go:build torch

package recipes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// audiences are four trainings that differ in all that an adapter may have of its own.
func audiences(t *testing.T, base string, bf16 bool) []spec.LoRAJob {
	t.Helper()
	jobs := make([]spec.LoRAJob, 4)
	for i := range jobs {
		job := smallJob(t, base)
		job.Args.BF16, job.Args.Seed = bf16, int64(42+i)
		job.LoRA.R, job.Args.LearningRate = 2+2*i, 1e-3*float64(i+1)
		job.TrainDataPath = textsFile(t, questions[i:]...)
		job.Args.PerDeviceTrainBatchSize, job.Args.MaxSteps = 1+i, int64(5+i)
		job.LoRA.TargetModules = job.LoRA.TargetModules[:1+i%3]
		if i%2 == 0 {
			job.LoRA.Dropout = 0 // rows share their beginnings
		}
		jobs[i] = job
	}
	return jobs
}

// together trains all jobs on one runner at the same time.
func together(t *testing.T, r *Runner, jobs []spec.LoRAJob, resume []*spec.Snapshot, observers []*recorder) []error {
	t.Helper()
	errs := make([]error, len(jobs))
	var wait sync.WaitGroup
	for i := range jobs {
		wait.Go(func() { _, errs[i] = r.TrainLoRA(t.Context(), jobs[i], resume[i], observers[i]) })
	}
	wait.Wait()
	return errs
}

func recorders(n int) []*recorder {
	all := make([]*recorder, n)
	for i := range all {
		all[i] = &recorder{}
	}
	return all
}

func TestAdaptersTrainedAtOnceEqualThoseTrainedAlone(t *testing.T) {
	for _, bf16 := range []bool{false, true} {
		t.Run(fmt.Sprintf("bf16 %v", bf16), func(t *testing.T) {
			r := newRunner(t)
			jobs := audiences(t, tinyModel(t, r), bf16)
			for _, err := range together(t, r, jobs, make([]*spec.Snapshot, 4), recorders(4)) {
				require.NoError(t, err)
			}
			for i, job := range jobs {
				joint := folderBytes(t, job.OutputDir)
				job.OutputDir = t.TempDir()
				require.Equal(t, trained(t, newRunner(t), job), joint, "adapter %d", i)
			}
		})
	}
}

// One adapter's rate makes its loss infinite; one is killed and comes back at a step of its own, beside the others.
func TestPoisonedAdapterIsParkedAndAKilledOneComesBack(t *testing.T) {
	r := newRunner(t)
	jobs := audiences(t, tinyModel(t, r), false)
	jobs[1].Args.LearningRate = 1e38
	watch := recorders(4)
	killed := errors.New("killed")
	watch[2].onSave = func(step int64) error {
		if step == 4 {
			return killed
		}
		return nil
	}
	errs := together(t, r, jobs, make([]*spec.Snapshot, 4), watch)
	require.NoError(t, errs[0])
	require.Equal(t, fault.Diverged, fault.KindOf(errs[1]))
	require.NoDirExists(t, jobs[1].OutputDir)
	require.ErrorIs(t, errs[2], killed)
	require.NoError(t, errs[3])

	third := watch[2].saved[3]
	fresh := jobs[3]
	fresh.OutputDir = t.TempDir()
	for _, err := range together(t, r, []spec.LoRAJob{jobs[2], fresh}, []*spec.Snapshot{&third, nil}, recorders(2)) {
		require.NoError(t, err)
	}
	for _, i := range []int{0, 2, 3} {
		joint := folderBytes(t, jobs[i].OutputDir)
		alone := jobs[i]
		alone.OutputDir = t.TempDir()
		require.Equal(t, trained(t, newRunner(t), alone), joint, "adapter %d", i)
	}
	require.Equal(t, folderBytes(t, jobs[3].OutputDir), folderBytes(t, fresh.OutputDir))
}

func TestOneBaseIsLoadedForAllAndAnotherWaits(t *testing.T) {
	r := newRunner(t)
	first, second := tinyModel(t, r), tinyModel(t, r)
	a, err := r.acquire(t.Context(), baseKey{path: first, dtype: tensor.Float32})
	require.NoError(t, err)
	b, err := r.acquire(t.Context(), baseKey{path: first + "/", dtype: tensor.Float32})
	require.NoError(t, err)
	require.Same(t, a, b)

	gone, cancel := context.WithCancelCause(t.Context())
	tired := errors.New("tired of waiting")
	cancel(tired)
	for name, key := range map[string]baseKey{
		"another folder": {path: second, dtype: tensor.Float32}, "another type": {path: first, dtype: tensor.BFloat16},
		"a base of one's own": {path: first, dtype: tensor.Float32, alone: true}, "a padding token": {path: first, dtype: tensor.Float32, addPad: true},
	} {
		_, err := r.acquire(gone, key)
		require.ErrorIs(t, err, tired, name)
	}
	r.release(a)
	next := make(chan *base)
	go func() {
		c, err := r.acquire(t.Context(), baseKey{path: second, dtype: tensor.Float32})
		if err != nil {
			c = nil
		}
		next <- c
	}()
	select {
	case <-next:
		require.Fail(t, "the base was changed under a recipe that uses it")
	default:
	}
	r.release(b)
	c := <-next
	require.NotNil(t, c)
	require.NotSame(t, a, c)
	r.release(c)
}
