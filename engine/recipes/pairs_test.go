//go:build torch

package recipes

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/engine/loss"
	"elara/engine/nn"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// preferred is one line of a file of preferences.
type preferred struct {
	Prompt   string `json:"prompt"`
	Chosen   string `json:"chosen"`
	Rejected string `json:"rejected"`
}

// pairsFile writes a file of preferences.
func pairsFile(t *testing.T, rows []preferred) string {
	t.Helper()
	var text strings.Builder
	for _, row := range rows {
		line, err := json.Marshal(row)
		require.NoError(t, err)
		text.Write(append(line, '\n'))
	}
	path := filepath.Join(t.TempDir(), "pairs.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o644))
	return path
}

// separable are pairs that one can learn to tell apart: the right answer ends with a full stop, the wrong one with dots. Where coin
// is set it decides which of both is called chosen, so that nothing can be learnt.
func separable(from, n int, coin bool) []preferred {
	var rows []preferred
	for i := from; i < from+n; i++ {
		key := tensor.Key(1).Derive(uint64(i))
		subject := fmt.Sprintf("%s %d", []string{"gout", "croup", "a cold", "eczema", "sepsis"}[i%5], int(1000*key.Unit()))
		row := preferred{Prompt: "What is " + subject + "? ", Chosen: "See a doctor.", Rejected: "Who knows ..."}
		if coin && key.Derive(1).Unit() < 0.5 {
			row.Chosen, row.Rejected = row.Rejected, row.Chosen
		}
		rows = append(rows, row)
	}
	return rows
}

// tuningArgs are those of smallJob.
func tuningArgs(t *testing.T) (spec.LoRAConfig, spec.TrainingArgs) {
	t.Helper()
	job := smallJob(t, "")
	return job.LoRA, job.Args
}

func smallReward(t *testing.T, base string) spec.RewardJob {
	t.Helper()
	job := spec.RewardJob{
		BaseModel: base, OutputDir: filepath.Join(t.TempDir(), "reward"), CenterRewardsCoefficient: 0.01,
		PairData: spec.PairData{TrainDataPath: pairsFile(t, separable(0, 12, false)), EvalDataPath: pairsFile(t, separable(100, 6, false)), MaxLength: 64},
	}
	job.LoRA, job.Args = tuningArgs(t)
	return job
}

func smallDPO(t *testing.T, base string) spec.DPOJob {
	t.Helper()
	job := spec.DPOJob{
		BaseModel: base, OutputDir: filepath.Join(t.TempDir(), "dpo"), Beta: 0.1, LossType: spec.DPOSigmoid,
		PairData: spec.PairData{TrainDataPath: pairsFile(t, separable(0, 12, false)), EvalDataPath: pairsFile(t, separable(100, 6, false)), MaxLength: 64},
	}
	job.LoRA, job.Args = tuningArgs(t)
	return job
}

func TestPairsAreTokensOfPromptAnswerAndEnd(t *testing.T) {
	r := newRunner(t)
	over(t, r, tinyModel(t, r), func(b *base) error {
		end, _, _ := b.tok.EOS()
		path := pairsFile(t, []preferred{{"Q: ", "yes", "no<|endoftext|>"}, {"Q: ", "a long answer", "another one"}})
		read := func(predicts bool) pairs {
			got, err := pairing{tok: b.tok, maxLength: 8, predicts: predicts}.read(t.Context(), path, func(string) {})
			require.NoError(t, err)
			return got
		}
		scored, predicted := read(false), read(true)
		require.Equal(t, append(b.tok.Encode("Q: yes"), end), scored.list[0].chosen.Tokens)
		require.Equal(t, append(b.tok.Encode("Q: no"), end), scored.list[0].rejected.Tokens, "an end that is there already")
		require.Equal(t, []int64{2}, scored.cut, "what is scored is whole")
		require.NotContains(t, scored.list[0].chosen.Supervised, true)
		require.Equal(t, []bool{false, false, false, true, true, true, true}, predicted.list[0].chosen.Supervised)
		require.Equal(t, b.tok.Encode("Q: a lon"), predicted.list[1].chosen.Tokens, "what is predicted is cut")
		return nil
	})
}

func TestPromptsOfAllForms(t *testing.T) {
	r := newRunner(t)
	over(t, r, tinyModel(t, r), func(b *base) error {
		path := filepath.Join(t.TempDir(), "chat.jsonl")
		const line = `{"prompt":[{"role":"system","content":"Be brief."},{"role":"user","content":"Gout?"}],"chosen":[{"role":"assistant","content":"Crystals."}],"rejected":[{"role":"assistant","content":"Rain."}]}`
		require.NoError(t, os.WriteFile(path, []byte(line), 0o644))
		p := pairing{tok: b.tok, maxLength: 512}
		got, err := p.read(t.Context(), path, func(string) {})
		require.NoError(t, err)
		require.Equal(t, "<|system|>\nBe brief.\n<|user|>\nGout?\n<|assistant|>\nCrystals.", b.tok.Decode(got.list[0].chosen.Tokens, true))
		p.audience = spec.Patient
		_, err = p.read(t.Context(), path, nil)
		require.ErrorContains(t, err, "chat.jsonl:1: the prompt is a chat of 2 messages, expected one question")
		got, err = p.read(t.Context(), pairsFile(t, []preferred{{"Gout?", "Crystals.", "Rain."}}), func(string) {})
		require.NoError(t, err)
		require.Contains(t, b.tok.Decode(got.list[0].chosen.Tokens, true), "patient-friendly language and avoid excessive medical jargon.\n<|user|>\nGout?\n<|assistant|>\nCrystals.")
		return nil
	})
}

func TestBadPairsAreRefused(t *testing.T) {
	r := newRunner(t)
	over(t, r, tinyModel(t, r), func(b *base) error {
		for name, c := range map[string]struct {
			row  preferred
			want string
		}{
			"a prompt that fills the window": {preferred{"What is gout?", "a", "b"}, "pairs.jsonl:1: the prompt has 13 tokens, expected fewer than max_length, 12"},
			"answers that do not fit":        {preferred{"Q", "a much longer answer", "b"}, "pairs.jsonl: none of 1 pairs fits into 12 tokens, expected at least one"},
			"the same tokens":                {preferred{"Q", "a", "a<|endoftext|>"}, "pairs.jsonl:1: chosen and rejected are the same tokens"},
			"one side":                       {preferred{"Q", "a", ""}, "pairs.jsonl:1: rejected is empty"},
		} {
			_, err := pairing{tok: b.tok, maxLength: 12}.read(t.Context(), pairsFile(t, []preferred{c.row}), func(string) {})
			require.True(t, fault.Is(err, fault.Invalid), name)
			require.ErrorContains(t, err, c.want, name)
		}
		return nil
	})
}

// layouts gives loss and gradients of some pairs, computed pair by pair with nothing shared, and in one pass with every common
// beginning computed once.
func layouts(t *testing.T, run *pairRun, backward func(pass *nn.Pass, index []int, factor float64) float64) {
	t.Helper()
	measured := func(least int, cuts ...[]int) (sum float64, gradients [][]float32) {
		for _, index := range cuts {
			pass := nn.Pack(run.train.rows(index), least)
			pass.Adapter = run.slot
			sum += backward(pass, index, 0.25)
		}
		for _, p := range run.adapter.Tensors() {
			if g := p.Grad(); g != nil {
				gradients = append(gradients, g.Float32s())
			} else {
				gradients = append(gradients, nil)
			}
		}
		run.optimiser.ZeroGrad()
		return sum, gradients
	}
	wantLoss, want := measured(0, []int{0}, []int{1}, []int{2}, []int{3})
	for _, least := range []int{0, 1} {
		gotLoss, got := measured(least, []int{0, 1, 2, 3})
		require.InEpsilon(t, wantLoss, gotLoss, 1e-6)
		require.Less(t, distance(want, got), 1e-5)
	}
}

func TestPairsPackedAreThoseOneByOne(t *testing.T) {
	r := newRunner(t)
	dir := tinyModel(t, r)
	b, err := r.acquire(t.Context(), baseKey{path: dir, dtype: tensor.Float32})
	require.NoError(t, err)
	defer r.release(b)
	// Answers begin alike too, within a pair and across pairs: a prediction is made for several rows at once.
	shared := pairsFile(t, []preferred{
		{"What helps? ", "Rest and water.", "Rest and wine."}, {"What helps? ", "Rest, of course.", "Rest and water."},
		{"What is gout? ", "See a doctor.", "Seek a witch."}, {"What is gout? ", "Crystals.", "See a doctor."},
	})
	reward := smallReward(t, dir)
	reward.TrainDataPath, reward.LoRA.TaskType, reward.LoRA.InitWeights = shared, spec.TaskSeqCls, spec.InitRandom
	scored := &rewardRun{pairRun: newPairRun(newTuning(r, b, reward.LoRA, reward.Args), reward.PairData, true), job: reward}
	defer scored.close()
	require.NoError(t, scored.readPairs(t.Context(), false, &recorder{}))
	job := smallDPO(t, dir)
	job.TrainDataPath, job.LoRA.InitWeights = shared, spec.InitRandom
	predicted := &dpoRun{pairRun: newPairRun(newTuning(r, b, job.LoRA, job.Args), job.PairData, true), job: job, loss: loss.DPO{Beta: 0.5}}
	defer predicted.close()
	require.NoError(t, predicted.readPairs(t.Context(), true, &recorder{}))
	require.NoError(t, r.Engine.Do(func() error { return errors.Join(scored.attach("", nil), predicted.attach("", nil)) }))
	require.NoError(t, predicted.refer(t.Context(), nil))
	require.NoError(t, r.Engine.Do(func() error {
		layouts(t, &scored.pairRun, scored.backward)
		layouts(t, &predicted.pairRun, predicted.backward)
		return nil
	}))
}
