//go:build torch

package recipes

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/export"
	"elara/data/tokenizer"
	"elara/engine/lora"
	"elara/engine/model"
	"elara/engine/nn"
	"elara/engine/sample"
	"elara/engine/tensor"
	"elara/spec"
	"elara/spec/fault"
)

// fullModel is the tiny model without a spare row in its embedding: the guide's <PAD> needs one more.
func fullModel(t *testing.T, r *Runner) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "full")
	alphabet := tokenizer.ByteAlphabet()
	require.NoError(t, r.tinyModel(dir, alphabet[:], 257, 0.05))
	return dir
}

// padded trains as the guide's configuration does, with a padding token of its own, on texts that leave something to say.
func padded(t *testing.T, r *Runner, base string, change func(job *spec.LoRAJob)) spec.LoRAJob {
	t.Helper()
	job := smallJob(t, base)
	job.AddPadToken, job.Args.LearningRate = true, 3e-2
	job.TrainDataPath = textsFile(t, "What is anaemia? zyzyzyzyzyzyzy", "Fever. qrsqrsqrsqrsqrs")
	change(&job)
	trained(t, r, job)
	return job
}

func asItIs(*spec.LoRAJob) {}

// rewritten copies an adapter's folder and changes its tensors.
func rewritten(t *testing.T, r *Runner, dir string, change func(tensors map[string]*tensor.Tensor)) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "rewritten")
	require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
	path := filepath.Join(copied, "adapter_model.safetensors")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	file, err := tensor.ReadSafetensors(path, data)
	require.NoError(t, err)
	require.NoError(t, r.Engine.Do(func() (err error) {
		r.Engine.Scope(func() {
			tensors := map[string]*tensor.Tensor{}
			for _, name := range file.Names() {
				tensors[name], err = file.Load(r.Engine, name)
				require.NoError(t, err)
			}
			change(tensors)
			data, err = tensor.EncodeSafetensors(tensors, nil)
		})
		return err
	}))
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return copied
}

// touched moves the first number of some rows to the next float32.
func touched(m *tensor.Tensor, rows ...int64) *tensor.Tensor {
	values := m.Float32s()
	for _, row := range rows {
		at := row * m.Size(1)
		values[at] = math.Nextafter32(values[at], 9)
	}
	return m.Engine().FromFloat32(values, m.Shape()...)
}

const (
	embedName = "base_model.model.model.embed_tokens.weight"
	headName  = "base_model.model.lm_head.weight"
)

// logitsOver gives the logits after each token of a text by an adapter over a base; no folder is the base alone.
func logitsOver(t *testing.T, r *Runner, key baseKey, load loader, dir string) (logits []float32, vocabulary int) {
	t.Helper()
	b, err := r.acquire(t.Context(), key)
	require.NoError(t, err)
	defer r.release(b)
	run := func(slot int) error {
		return r.Engine.Do(func() error {
			unrecorded(r.Engine, func() {
				pass := nn.NewPass([][]int32{bytesAsTokens("What is anaemia? ")})
				pass.Adapter = slot
				hidden := model.Hidden(b.model, pass)
				head := pass.Head(b.model.Head())
				logits, vocabulary = hidden.MatMul(head.T()).Float32s(), int(head.Size(0))
			})
			return nil
		})
	}
	if dir == "" {
		require.NoError(t, run(nn.NoAdapter))
	} else {
		require.NoError(t, r.with(b, dir, load, func(a *lora.Adapter) error { return run(a.Slot()) }))
	}
	return logits, vocabulary
}

// inTraining gives the logits of the base's own tokens by an adapter over the base that it was trained over, with the new row.
func inTraining(t *testing.T, r *Runner, job spec.LoRAJob) (logits []float32) {
	t.Helper()
	all, rows := logitsOver(t, r, baseKey{path: job.BaseModel, dtype: tensor.Float32, addPad: true, alone: true}, lora.Load, job.OutputDir)
	require.Equal(t, 258, rows)
	for after := range slices.Chunk(all, rows) {
		logits = append(logits, after[:257]...)
	}
	return logits
}

// Where the base has no row for the padding token, what an adapter says of all other tokens is what it said in training.
func TestAdapterRunsWithoutThePaddingTokensRow(t *testing.T) {
	r := newRunner(t)
	for _, name := range []string{"gpt2", "llama", "mistral"} { // one matrix for both embeddings, and two
		t.Run(name, func(t *testing.T) {
			g := readGolden(t).Models[name]
			job := padded(t, r, formulaModel(t, r, g, 1), func(job *spec.LoRAJob) { job.LoRA.TargetModules = g.Targets })
			key := baseKey{path: job.BaseModel, dtype: tensor.Float32}
			before := weightsInMemory(t, r, job.BaseModel)
			plain, _ := logitsOver(t, r, key, lora.LoadShared, "")
			got, rows := logitsOver(t, r, key, lora.LoadShared, job.OutputDir)
			require.Equal(t, 257, rows)
			require.NotEqual(t, plain, got)
			require.Equal(t, before, weightsInMemory(t, r, job.BaseModel))
			require.InDeltaSlice(t, inTraining(t, r, job), got, 2e-5)
		})
	}
}

// A row that is another by the last bit makes it another embedding.
func TestChangedEmbeddingsAreCountedAndRefusedWhereTheyWouldReplaceTheBases(t *testing.T) {
	r := newRunner(t)
	base := fullModel(t, r)
	job := padded(t, r, base, asItIs)
	never := func(*Session) error {
		t.Error("it is served")
		return nil
	}
	for want, change := range map[string]func(tensors map[string]*tensor.Tensor){
		"the adapter replaces the base's embeddings (1 of 257 rows of model.embed_tokens.weight differ), expected the base's own": func(all map[string]*tensor.Tensor) {
			all[embedName] = touched(all[embedName], 7)
		},
		"(3 of 257 rows of model.embed_tokens.weight differ)": func(all map[string]*tensor.Tensor) {
			all[embedName] = touched(all[embedName], 0, 256, 31, 257) // the last is the padding token's
		},
		"(2 of 257 rows of lm_head.weight differ)": func(all map[string]*tensor.Tensor) {
			all[headName] = touched(all[headName], 1, 2)
		},
	} {
		other := rewritten(t, r, job.OutputDir, change)
		err := r.Serve(t.Context(), ServeJob{BaseModel: base, Adapters: []ServeAdapter{{Name: "a", Dir: other, BaseModel: base}}, Rows: 1}, never)
		require.ErrorContains(t, err, want)
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		_, err = r.Merge(t.Context(), mergeOf(t, base, other, spec.IntoBase), func(spec.Progress) {})
		require.ErrorContains(t, err, want)
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	}
	// Where the base is nobody else's they take its place, as they always did.
	moved := rewritten(t, r, job.OutputDir, func(all map[string]*tensor.Tensor) {
		all[embedName] = all[embedName].Scale(2)
		all[headName] = all[embedName]
	})
	require.NotEqual(t, scores(t, r, base, job.OutputDir, questions[:1]), scores(t, r, base, moved, questions[:1]))
}

// The base and the adapter's rows may have been rounded to different types since they were the same.
func TestRowsAreComparedInTheCoarserType(t *testing.T) {
	r := newRunner(t)
	base := fullModel(t, r)
	for _, half := range []bool{false, true} {
		job := padded(t, r, base, func(job *spec.LoRAJob) { job.Args.BF16 = half })
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.BFloat16} {
			key := baseKey{path: base, dtype: dtype}
			_, rows := logitsOver(t, r, key, lora.LoadShared, job.OutputDir)
			require.Equal(t, 257, rows)
			moved := rewritten(t, r, job.OutputDir, func(all map[string]*tensor.Tensor) {
				all[embedName] = all[embedName].Scale(2)
			})
			b, err := r.acquire(t.Context(), key)
			require.NoError(t, err)
			err = r.with(b, moved, lora.LoadShared, func(*lora.Adapter) error { return nil })
			r.release(b)
			require.ErrorContains(t, err, "(257 of 257 rows of model.embed_tokens.weight differ)")
		}
	}
}

// What the guide's default configuration trains answers over HTTP what it answered in its evaluation.
func TestAdapterWithAPaddingTokenIsServed(t *testing.T) {
	r := newRunner(t)
	base := fullModel(t, r)
	job := padded(t, r, base, asItIs)
	live, err := r.Evaluate(t.Context(), spec.EvaluateJob{
		BaseModel: base, Adapter: job.OutputDir, EvalDataPath: job.TrainDataPath, MaxLength: 64, AddPadToken: true, Prompts: prompts, MaxNewTokens: 20,
	}, func(spec.Progress) {})
	require.NoError(t, err)
	require.NotEqual(t, live.BaseAnswers, live.AdapterAnswers)
	serving := ServeJob{BaseModel: base, Adapters: []ServeAdapter{{Name: "a", Dir: job.OutputDir, BaseModel: base}}, Rows: 3}
	require.NoError(t, r.Serve(t.Context(), serving, func(s *Session) error {
		for i, prompt := range prompts {
			var ids []int32
			request := sample.Request{Prompt: s.Tokenizer.Encode(prompt), Options: sample.Options{MaxNewTokens: 20, TopP: 1}}
			if _, err := s.Generate(t.Context(), "a", request, func(id int32) error { ids = append(ids, id); return nil }); err != nil {
				return err
			}
			require.Equal(t, live.AdapterAnswers[i], s.Tokenizer.Decode(ids, true))
		}
		return nil
	}))
}

// mergeOf puts one adapter into a base, or makes an adapter of it again.
func mergeOf(t *testing.T, base, adapter string, into spec.MergeInto) spec.MergeJob {
	t.Helper()
	return spec.MergeJob{
		BaseModel: base, Adapters: []spec.MergeAdapter{{Name: "one", Path: adapter}}, Into: into, DType: "float32",
		OutputDir:  filepath.Join(t.TempDir(), "merged"),
		Candidates: []spec.MergeMethod{{Name: "itself", CombinationType: spec.CombineCat, Weights: []float64{1}}},
	}
}

// What is made has the base's vocabulary and tokenizer, and says what the adapter says over the base.
func TestAdaptersWithAPaddingTokenAreMerged(t *testing.T) {
	r := newRunner(t)
	base := fullModel(t, r)
	first, second := padded(t, r, base, asItIs), padded(t, r, base, func(job *spec.LoRAJob) { job.Args.Seed = 7 })
	live := inTraining(t, r, first)
	job := mergeOf(t, base, first.OutputDir, spec.IntoBase)
	_, err := r.Merge(t.Context(), job, func(spec.Progress) {})
	require.NoError(t, err)
	made := filepath.Join(job.OutputDir, "itself")
	require.Equal(t, folderBytes(t, base)["tokenizer.json"], folderBytes(t, made)["tokenizer.json"])
	got, _ := logitsOver(t, r, baseKey{path: made, dtype: tensor.Float32}, lora.Load, "")
	require.InDeltaSlice(t, live, got, 2e-5)
	job = mergeOf(t, base, first.OutputDir, spec.IntoAdapter)
	job.Adapters = append(job.Adapters, spec.MergeAdapter{Name: "two", Path: second.OutputDir})
	job.Candidates[0].Weights = []float64{1, 0}
	_, err = r.Merge(t.Context(), job, func(spec.Progress) {})
	require.NoError(t, err)
	made = filepath.Join(job.OutputDir, "itself")
	holds, err := lora.ReplacesEmbeddings(made)
	require.NoError(t, err)
	require.False(t, holds)
	got, _ = logitsOver(t, r, baseKey{path: base, dtype: tensor.Float32}, lora.Load, made)
	require.InDeltaSlice(t, live, got, 2e-5)

	// A token that texts have is missed.
	file := filepath.Join(second.OutputDir, "tokenizer.json")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, bytes.Replace(text, []byte(`"<PAD>"`), []byte(`"<|user|>"`), 1), 0o600))
	job.OutputDir += "-again"
	_, err = r.Merge(t.Context(), job, func(spec.Progress) {})
	require.ErrorContains(t, err, second.OutputDir+": the adapter's tokenizer is ")
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
}

// A copy of an embedding that was trained with the new row cannot do without it.
func TestTrainedEmbeddingsWithANewTokenAreNotMerged(t *testing.T) {
	r := newRunner(t)
	base := formulaModel(t, r, readGolden(t).Models["mistral"], 1)
	for want, saved := range map[string][]string{
		"(lm_head.weight is trained with rows for new tokens)":                  {"lm_head"},
		"trains model.embed_tokens.weight with 258 rows where the base has 257": {"embed_tokens", "lm_head"},
	} {
		job := padded(t, r, base, func(job *spec.LoRAJob) {
			job.LoRA.TargetModules, job.LoRA.ModulesToSave = []string{"q_proj"}, saved
		})
		_, err := r.Merge(t.Context(), mergeOf(t, base, job.OutputDir, spec.IntoBase), func(spec.Progress) {})
		require.ErrorContains(t, err, want)
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	}
}

// A policy that begins as an adapter with a padding token is the one that begins as the same adapter without the embeddings.
func TestPolicyFromAnAdapterWithAPaddingToken(t *testing.T) {
	r := newRunner(t)
	base := toyModel(t, r)
	sft := padded(t, r, base, func(job *spec.LoRAJob) { job.TrainDataPath = textsFile(t, "abcabcabc", "bcabcabca") })
	without := rewritten(t, r, sft.OutputDir, func(all map[string]*tensor.Tensor) {
		delete(all, embedName)
		delete(all, headName)
	})
	policy := func(dir string) map[string]string {
		job := ppoJob(t, base, 1)
		job.SFTModelPath, job.PPO.StopToken = dir, spec.StopTokenEOS
		reinforced(t, r, job, count(2))
		return folderBytes(t, job.OutputDir)
	}
	want, got := policy(without), policy(sft.OutputDir)
	for _, file := range []string{"adapter_config.json", "adapter_model.safetensors", "tokenizer.json"} {
		require.Equal(t, want[file], got[file], file)
	}
	moved := rewritten(t, r, sft.OutputDir, func(all map[string]*tensor.Tensor) { all[embedName] = touched(all[embedName], 3) })
	job := ppoJob(t, base, 1)
	job.SFTModelPath = moved
	_, err := r.TrainPPO(t.Context(), job, count(2), nil, &recorder{})
	require.ErrorContains(t, err, "(1 of 12 rows of model.embed_tokens.weight differ)")
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
}

// The reward model that PPO asks may have been trained over a base with a padding token too, as TRL does it. The vocabulary is
// larger than what is compared at a time.
func TestRewardModelRunsWithoutThePaddingTokensRow(t *testing.T) {
	r := newRunner(t)
	dir := filepath.Join(t.TempDir(), "large")
	alphabet := tokenizer.ByteAlphabet()
	require.NoError(t, r.tinyModel(dir, alphabet[:], 1500, 0.05))
	job := smallReward(t, dir)
	_, err := r.TrainReward(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	var rows []float32
	for _, v := range matrices(t, r, folderBytes(t, dir)["model.safetensors"])["model.embed_tokens.weight"] {
		rows = append(rows, float32(v))
	}
	rows = append(rows, make([]float32, 64)...)
	grown := rewritten(t, r, job.OutputDir, func(all map[string]*tensor.Tensor) { all[embedName] = r.Engine.FromFloat32(rows, 1501, 64) })
	moved := rewritten(t, r, grown, func(all map[string]*tensor.Tensor) { all[embedName] = touched(all[embedName], 1023, 1024, 1499) })
	over(t, r, dir, func(b *base) error {
		a, err := lora.LoadSharedScorer(b.model, 0, grown)
		require.NoError(t, err)
		defer a.Detach()
		require.EqualValues(t, 1500, b.model.Head().Size(0))
		_, err = lora.LoadSharedScorer(b.model, 1, moved)
		require.ErrorContains(t, err, "(3 of 1500 rows of model.embed_tokens.weight differ)")
		return nil
	})
}

// A GGUF file has the adapter's own vocabulary, padding token included.
func TestExportedAdapterKeepsItsPaddingToken(t *testing.T) {
	r := newRunner(t)
	base := fullModel(t, r)
	job := padded(t, r, base, asItIs)
	live, _ := logitsOver(t, r, baseKey{path: base, dtype: tensor.Float32, addPad: true, alone: true}, lora.Load, job.OutputDir)
	m, err := export.Open(base, job.OutputDir)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "m.gguf")
	_, err = m.GGUF(t.Context(), file, "F32", nil)
	require.NoError(t, err)
	require.NoError(t, m.Close())
	got, rows := logitsOver(t, r, baseKey{path: file, dtype: tensor.Float32}, lora.Load, "")
	require.Equal(t, 258, rows)
	require.InDeltaSlice(t, live, got, 1e-4)
	tok, err := tokenizer.Load(file)
	require.NoError(t, err)
	id, token, ok := tok.PAD()
	require.True(t, ok)
	require.Equal(t, []any{int32(257), "<PAD>"}, []any{id, token})
}
