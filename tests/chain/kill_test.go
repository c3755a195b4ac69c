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

// killing is a pipeline that runs undisturbed, and once more with a worker that is killed with -9 at a step of a training, where
// another one takes over.
type killing struct {
	name    string
	step    int64
	in      func(run spec.RunID, bucket string) spec.PipelineInput
	trained func(spec.PipelineResult) []spec.ArtifactRef // whose weights are compared byte by byte
}

func (k killing) calm() string  { return "calm-" + k.name }
func (k killing) rough() string { return "rough-" + k.name }

func killings() []killing {
	return []killing{
		// Step 8 lies in the second segment (steps 6 to 10), after the checkpoint of step 6; the adapters of the other audiences
		// wait behind it.
		{"adapters", 8, input, func(r spec.PipelineResult) (refs []spec.ArtifactRef) {
			for _, adapter := range r.Adapters {
				refs = append(refs, adapter.Ref)
			}
			return refs
		}},
		{"pretraining", 8, pretrainingInput, func(r spec.PipelineResult) []spec.ArtifactRef { return []spec.ArtifactRef{r.Base} }},
		// These are killed after the checkpoint of step 16, and have more steps than the trainings before them.
		{"alignment", steps + 5, func(run spec.RunID, bucket string) spec.PipelineInput {
			in := aligningInput(run, bucket, spec.MethodPPO)
			in.RLHF.Preferences = "testdata/preferences.jsonl"
			in.RLHF.PPO.PPO.TotalEpisodes = 2 * (steps + 8)
			return in
		}, func(r spec.PipelineResult) []spec.ArtifactRef { return []spec.ArtifactRef{r.RLHF[0].Policy.Ref} }},
		{"distillation", steps + 5, func(run spec.RunID, bucket string) spec.PipelineInput {
			in := distillingInput(run, bucket)
			in.Distill.Job.Args.MaxSteps = steps + 8
			in.Distill.Control, in.Export = false, spec.ExportPlan{}
			return in
		}, func(r spec.PipelineResult) []spec.ArtifactRef { return []spec.ArtifactRef{r.Distill.Student} }},
	}
}

// The promise: a worker killed with -9 in the middle of a segment of any training costs time, and nothing else. The killed runs wait
// for the heartbeat timeout side by side, and the others run meanwhile.
func TestKilledWorkerGivesTheBytesOfAnUndisturbedRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a heartbeat timeout of 90 s")
	}
	var buckets []string
	for _, k := range killings() {
		buckets = append(buckets, k.calm(), k.rough())
	}
	th := open(t, buckets...)
	begin := func(k killing, bucket string, at int64) (*process, run) {
		return th.worker(t, bucket, at), th.start(t, bucket, k.in(spec.RunID(bucket), bucket))
	}
	victims, runs := map[string]*process{}, map[string]run{}
	for _, k := range killings() {
		victims[k.name], runs[k.rough()] = begin(k, k.rough(), k.step)
	}
	for _, k := range killings() {
		victims[k.name].awaitKill(t)
		th.worker(t, k.rough(), 0)
		_, runs[k.calm()] = begin(k, k.calm(), 0)
	}
	for _, k := range killings() {
		t.Run(k.name, func(t *testing.T) {
			calm, survived := runs[k.calm()].approve(t), runs[k.rough()].approve(t)
			require.Equal(t, calm.Base, survived.Base)
			require.Equal(t, calm.Pretrain, survived.Pretrain)
			require.Equal(t, calm.Adapters, survived.Adapters)
			require.Equal(t, calm.RLHF, survived.RLHF)
			require.Equal(t, calm.Merge, survived.Merge)
			require.Equal(t, calm.Distill, survived.Distill)
			require.Equal(t, calm.Evaluate, survived.Evaluate)
			require.Equal(t, calm.Candidate, survived.Candidate)
			for i, ref := range k.trained(calm) {
				require.Equal(t, th.weights(t, k.calm(), ref), th.weights(t, k.rough(), k.trained(survived)[i]))
			}
		})
	}
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

// weights are the bytes of what a training made.
func (th *theatre) weights(t *testing.T, bucket string, made spec.ArtifactRef) []byte {
	t.Helper()
	content, err := artifact.ReadFile(t.Context(), th.store(t, bucket), made, toy.WeightsFile)
	require.NoError(t, err)
	return content
}
