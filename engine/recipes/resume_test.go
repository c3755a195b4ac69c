//go:build torch

package recipes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/tensor"
	"elara/engine/train"
	"elara/spec"
	"elara/spec/fault"
)

// The run is killed after each of its steps in turn, and goes on in a runner that has seen nothing; snapshots and the
// published files must be those of the run that was left alone.
func TestResumeEqualsUnbrokenRunAtEveryStep(t *testing.T) {
	for _, bf16 := range []bool{false, true} {
		t.Run(fmt.Sprintf("bf16 %v", bf16), func(t *testing.T) {
			r := newRunner(t)
			job := smallJob(t, tinyModel(t, r))
			job.Args.BF16 = bf16
			unbroken := &recorder{}
			outcome, err := r.TrainLoRA(t.Context(), job, nil, unbroken)
			require.NoError(t, err)
			require.True(t, outcome.Done)
			want := folderBytes(t, job.OutputDir)
			require.Len(t, unbroken.saved, 8)

			killed := errors.New("killed")
			for kill := int64(1); kill < 8; kill++ {
				again := smallJob(t, job.BaseModel)
				again.TrainDataPath, again.Args.BF16 = job.TrainDataPath, bf16
				// The run dies while it saves step kill+1: what is left is step kill.
				first := &recorder{onSave: func(step int64) error {
					if step > kill {
						return killed
					}
					return nil
				}}
				_, err := newRunner(t).TrainLoRA(t.Context(), again, nil, first)
				require.ErrorIs(t, err, killed)
				snapshot := first.saved[kill]
				second := &recorder{}
				outcome, err := newRunner(t).TrainLoRA(t.Context(), again, &snapshot, second)
				require.NoError(t, err)
				require.True(t, outcome.Done)
				for step := kill + 1; step <= 8; step++ {
					requireSameFiles(t, unbroken.saved[step].Files, second.saved[step].Files, fmt.Sprintf("killed after step %d, at step %d", kill, step))
				}
				require.Equal(t, want, folderBytes(t, again.OutputDir), "killed after step %d", kill)
			}
		})
	}
}

// An adapter to begin from may bring embeddings of its own, which no file of the run's names: they are part of what goes on.
func TestResumeKeepsTheEmbeddingsOfTheAdapterItBeganFrom(t *testing.T) {
	r := newRunner(t)
	sft := padded(t, r, fullModel(t, r), asItIs)
	moved := rewritten(t, r, sft.OutputDir, func(all map[string]*tensor.Tensor) {
		all[embedName] = all[embedName].Scale(2)
		all[headName] = all[embedName]
	})
	dpo := smallDPO(t, sft.BaseModel)
	dpo.AddPadToken, dpo.InitAdapter, dpo.LoRA = true, moved, sft.LoRA
	for name, train := range map[string]func(r *Runner, into string, resume *spec.Snapshot, o *recorder) (spec.TrainOutcome, error){
		"lora": func(r *Runner, into string, resume *spec.Snapshot, o *recorder) (spec.TrainOutcome, error) {
			job := sft
			job.OutputDir = into
			if resume == nil {
				r.InitAdapter = moved
			}
			return r.TrainLoRA(t.Context(), job, resume, o)
		},
		"dpo": func(r *Runner, into string, resume *spec.Snapshot, o *recorder) (spec.TrainOutcome, error) {
			job := dpo
			job.OutputDir = into
			return r.TrainDPO(t.Context(), job, resume, o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			unbroken, resumed := t.TempDir(), t.TempDir()
			all := &recorder{}
			outcome, err := train(newRunner(t), unbroken, nil, all)
			require.NoError(t, err)
			require.True(t, outcome.Done)
			snapshot := all.saved[2]
			outcome, err = train(newRunner(t), resumed, &snapshot, &recorder{})
			require.NoError(t, err)
			require.True(t, outcome.Done)
			require.True(t, maps.Equal(folderBytes(t, unbroken), folderBytes(t, resumed)))
		})
	}
}

// Embeddings that only repeat the base's, with the padding token's row, are no weight of a snapshot: they would be most of it.
func TestSnapshotHasNoEmbeddingsThatAreTheBases(t *testing.T) {
	r := newRunner(t)
	sft := padded(t, r, fullModel(t, r), asItIs)
	dpo := smallDPO(t, sft.BaseModel)
	dpo.AddPadToken, dpo.InitAdapter, dpo.LoRA = true, sft.OutputDir, sft.LoRA
	o := &recorder{}
	_, err := r.TrainDPO(t.Context(), dpo, nil, o)
	require.NoError(t, err)
	file, err := tensor.ReadSafetensors(adapterFile, o.saved[2].Files[adapterFile])
	require.NoError(t, err)
	require.NotContains(t, file.Names(), embedName)
	require.NotContains(t, file.Names(), headName)

	snapshot, want := o.saved[2], folderBytes(t, dpo.OutputDir)
	dpo.OutputDir = t.TempDir()
	_, err = newRunner(t).TrainDPO(t.Context(), dpo, &snapshot, &recorder{})
	require.NoError(t, err)
	require.True(t, maps.Equal(want, folderBytes(t, dpo.OutputDir)))
}

func requireSameFiles(t *testing.T, want, got map[string][]byte, where string) {
	t.Helper()
	require.Len(t, got, len(want), where)
	for name := range want {
		require.True(t, string(want[name]) == string(got[name]), "%s differs, %s", name, where)
	}
}

func TestCancelledRunPublishesNothing(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the user cancelled")
	_, err := r.TrainLoRA(ctx, job, nil, &recorder{onSave: func(step int64) error {
		if step == 3 {
			cancel(reason)
		}
		return nil
	}})
	require.ErrorIs(t, err, reason)
	require.NoDirExists(t, job.OutputDir)
}

func TestSnapshotOfAnotherRunIsRefused(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	o := &recorder{yieldAt: 2}
	outcome, err := r.TrainLoRA(t.Context(), job, nil, o)
	require.NoError(t, err)
	require.False(t, outcome.Done)
	require.NoDirExists(t, job.OutputDir)
	for name, c := range map[string]struct {
		change func(*spec.LoRAJob, *spec.Snapshot)
		kind   fault.Kind
	}{
		"more steps":      {func(j *spec.LoRAJob, _ *spec.Snapshot) { j.Args.MaxSteps = 9 }, fault.Conflict},
		"another rank":    {func(j *spec.LoRAJob, _ *spec.Snapshot) { j.LoRA.R = 8 }, fault.Invalid},
		"another step":    {func(_ *spec.LoRAJob, s *spec.Snapshot) { s.Step = 1 }, fault.Corrupt},
		"lost moments":    {func(_ *spec.LoRAJob, s *spec.Snapshot) { s.Files[optimiserFile] = s.Files[adapterFile] }, fault.Corrupt},
		"a broken state":  {func(_ *spec.LoRAJob, s *spec.Snapshot) { s.Files[train.StateFile] = []byte("{") }, fault.Corrupt},
		"a broken matrix": {func(_ *spec.LoRAJob, s *spec.Snapshot) { s.Files[adapterFile] = []byte("short") }, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			changed := job
			snapshot := spec.Snapshot{Step: 2, Files: map[string][]byte{}}
			for file, data := range o.saved[2].Files {
				snapshot.Files[file] = data
			}
			c.change(&changed, &snapshot)
			_, err := r.TrainLoRA(t.Context(), changed, &snapshot, &recorder{})
			require.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			require.NoDirExists(t, job.OutputDir)
		})
	}
}

func TestSecondAdapterOnOneRunnerIsThatOfAFreshOne(t *testing.T) {
	first := newRunner(t)
	base := tinyModel(t, first)
	general := smallJob(t, base)
	patient := smallJob(t, base)
	patient.Args.Seed, patient.LoRA.TargetModules = 7, []string{"k_proj", "up_proj"}
	trained(t, first, general)
	require.Equal(t, trained(t, newRunner(t), patient), trained(t, first, patient))
	require.Equal(t, trained(t, newRunner(t), general), trained(t, first, general))
}

// An adapter that brings its embeddings must not leave them in the base that the runner keeps.
func TestAdapterWithEmbeddingsLeavesTheBaseAsItWas(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, formulaModel(t, r, readGolden(t).Models["llama"], 1))
	job.AddPadToken = true
	texts := []string{questions[0]}
	before := scores(t, r, job.BaseModel, "", texts)
	trained(t, r, job)
	require.Equal(t, before, scores(t, r, job.BaseModel, "", texts), "after training")
	with := scores(t, r, job.BaseModel, job.OutputDir, texts)
	require.NotEqual(t, before, with)
	require.Equal(t, before, scores(t, r, job.BaseModel, "", texts), "after scoring with the adapter")
}

func TestRefusedAdapterLeavesTheBaseAsItWas(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	texts := []string{questions[0]}
	before := scores(t, r, job.BaseModel, "", texts)
	shapes := []namedShape{ // the first layer fits, the others are missing
		{"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", []int64{4, 64}},
		{"base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", []int64{64, 4}},
	}
	config := spec.LoRAConfig{R: 4, Alpha: 8, TargetModules: []string{"q_proj"}}
	err := r.Score(t.Context(), job.BaseModel, formulaAdapter(t, r, config, shapes), texts, func(Scored) error { return nil })
	require.ErrorContains(t, err, `tensor "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight" is missing`)
	require.Equal(t, before, scores(t, r, job.BaseModel, "", texts))
}
