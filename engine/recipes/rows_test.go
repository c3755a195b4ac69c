//go:build torch

package recipes

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/tokenizer"
	"elara/engine/nn"
	"elara/spec"
	"elara/spec/fault"
)

const endOfText = 256 // in the byte tokenizer; the letters are their bytes

func readTexts(t *testing.T, maxLength int, appendEOS bool, texts ...string) (rows, error) {
	t.Helper()
	r := newRunner(t)
	tok, err := tokenizer.Load(tinyModel(t, r))
	require.NoError(t, err)
	return reading{tok: tok, maxLength: maxLength, appendEOS: appendEOS}.rows(t.Context(), textsFile(t, texts...))
}

func TestEndTokenGoesToRowsThatWereNotCut(t *testing.T) {
	for name, c := range map[string]struct {
		maxLength int
		appendEOS bool
		lost      int64 // of "abcde"
		want      [][]int32
	}{
		"without the end token":       {4, false, 1, [][]int32{{'a', 'b'}, {'a', 'b', 'c'}, {'a', 'b', 'c', 'd'}, {'a', 'b', 'c', 'd'}}},
		"with it":                     {8, true, 0, [][]int32{{'a', 'b', endOfText}, {'a', 'b', 'c', endOfText}, {'a', 'b', 'c', 'd', endOfText}, {'a', 'b', 'c', 'd', 'e', endOfText}}},
		"with it, where there's room": {4, true, 1, [][]int32{{'a', 'b', endOfText}, {'a', 'b', 'c', endOfText}, {'a', 'b', 'c', 'd'}, {'a', 'b', 'c', 'd'}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readTexts(t, c.maxLength, c.appendEOS, "ab", "abc", "abcd", "abcde")
			require.NoError(t, err)
			require.Equal(t, rows{list: nn.Rows(c.want), lines: []int64{1, 2, 3, 4}, shortened: c.lost, lost: c.lost}, got)
		})
	}
}

func TestRowsWithoutSupervisedTokenAreDroppedAndCounted(t *testing.T) {
	got, err := readTexts(t, 8, false, "a", "ab", "b", "bc")
	require.NoError(t, err)
	require.Equal(t, rows{list: nn.Rows([][]int32{{'a', 'b'}, {'b', 'c'}}), lines: []int64{2, 4}, cut: []int64{1, 3}}, got)
	got, err = readTexts(t, 1, false, "ab", "bc")
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2}, got.cut)
	require.Equal(t, []int64{2, 2}, []int64{got.shortened, got.lost})

	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	var notices []string
	r.Notice = func(line string) { notices = append(notices, line) }
	job.TrainDataPath, job.MaxLength = textsFile(t, "a", "abcdefg", "b", "bcdef"), 4
	outcome, err := r.TrainLoRA(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	require.Equal(t, []int64{2, 2, 4}, []int64{outcome.RowsDropped, outcome.RowsShortened, outcome.TokensCut})
	require.Contains(t, strings.Join(notices, "\n"), "2 rows have no supervised token and are left out")
	require.Contains(t, strings.Join(notices, "\n"), "2 of 4 rows are longer than max_length 4 and lose 4 tokens at their ends")
}

// The byte tokenizer has a token for every letter, so that places in the text are places among the tokens.
func TestCompletionOnlySupervisesTheAnswer(t *testing.T) {
	const prompt = "<|user|>\nWhy?\n<|assistant|>\n"
	tok, err := tokenizer.Load(tinyModel(t, newRunner(t)))
	require.NoError(t, err)
	read := reading{tok: tok, maxLength: len(prompt) + 4, appendEOS: true, completionOnly: true}
	got, err := read.rows(t.Context(), textsFile(t, prompt+"So.", prompt+"Because.", "no marker", prompt, prompt+"Again.\n"+prompt+"x"))
	require.NoError(t, err)
	supervised := func(row nn.Row) (text string) {
		for at, on := range row.Supervised {
			if on && row.Tokens[at] != endOfText {
				text += string(row.Tokens[at])
			} else if on {
				text += "$"
			}
		}
		return text
	}
	var answers []string
	for _, row := range got.list {
		answers = append(answers, supervised(row))
	}
	// A prompt without an answer teaches to end; the last row's answer lies behind the cut.
	require.Equal(t, []string{"So.$", "Beca", "$"}, answers)
	require.Equal(t, []int64{3, 5}, got.cut)
}

func TestNothingToTrainOnIsRefused(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	job.TrainDataPath = textsFile(t, "a", "b", "c")
	_, err := r.TrainLoRA(t.Context(), job, nil, &recorder{})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.EqualError(t, err, job.TrainDataPath+": no row has a supervised token (3 rows were cut to none), expected at least one")
	require.NoDirExists(t, job.OutputDir)
}

// q, v and down of three layers, rank 4: 3 * 4 * ((64+64) + (64+32) + (128+64)) = 4,992. The base: embedding 260 * 64 = 16,640;
// a layer 2 * 64 + 64 * (64+32+32+64) + 3 * 64 * 128 = 36,992; the last norm 64; together 127,680.
func TestParametersAreCountedAsPEFTCountsThem(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	job.MaxLength = 128 // no row is longer, of which there would be a line, too
	var notices []string
	r.Notice = func(line string) { notices = append(notices, line) }
	outcome, err := r.TrainLoRA(t.Context(), job, nil, &recorder{})
	require.NoError(t, err)
	require.Equal(t, int64(4992), outcome.TrainableParams)
	require.Equal(t, int64(132672), outcome.AllParams)
	require.Equal(t, []string{"trainable params: 4,992 || all params: 132,672 || trainable%: 3.7627"}, notices)
}

func TestPadTokenSavesEmbeddingsAndTokenizer(t *testing.T) {
	r := newRunner(t)
	g := readGolden(t)
	for name, module := range map[string]string{"llama": "model.embed_tokens", "gpt2": "transformer.wte"} {
		t.Run(name, func(t *testing.T) {
			job := smallJob(t, formulaModel(t, r, g.Models[name], 1))
			job.AddPadToken, job.LoRA.TargetModules = true, g.Models[name].Targets[:1]
			files := trained(t, r, job)
			saved := matrices(t, r, files["adapter_model.safetensors"])
			embedding := saved["base_model.model."+module+".weight"]
			require.Len(t, embedding, 258*32, "257 rows and the padding token's")
			require.Equal(t, embedding, saved["base_model.model.lm_head.weight"])
			for column := range 32 {
				var sum float64
				for row := range 257 {
					sum += embedding[row*32+column]
				}
				require.InDelta(t, sum/257, embedding[257*32+column], 1e-6, "the new row is the mean of the old")
			}
			var document struct {
				Added []struct {
					ID      int    `json:"id"`
					Content string `json:"content"`
				} `json:"added_tokens"`
			}
			require.NoError(t, json.Unmarshal([]byte(files["tokenizer.json"]), &document))
			require.Equal(t, 257, document.Added[1].ID)
			require.Equal(t, "<PAD>", document.Added[1].Content)
			var config struct {
				FanInFanOut bool   `json:"fan_in_fan_out"`
				Base        string `json:"base_model_name_or_path"`
			}
			require.NoError(t, json.Unmarshal([]byte(files["adapter_config.json"]), &config))
			require.Equal(t, name == "gpt2", config.FanInFanOut)
		})
	}
}

// An adapter whose matrices B are zero changes nothing; what evaluation finds without one is what it finds with it.
func TestEvaluationComparesTokenByToken(t *testing.T) {
	r := newRunner(t)
	job := smallJob(t, tinyModel(t, r))
	job.Args.LearningRate = 0
	trained(t, r, job)
	evaluate := func() spec.EvaluateOutcome {
		out, err := r.Evaluate(t.Context(), spec.EvaluateJob{
			BaseModel: job.BaseModel, Adapter: job.OutputDir, EvalDataPath: job.TrainDataPath, MaxLength: 64,
			Prompts: []string{"What is", "Can"}, MaxNewTokens: 5,
		}, func(spec.Progress) {})
		require.NoError(t, err)
		return out
	}
	same := evaluate()
	require.Equal(t, same.BaseNLL, same.AdapterNLL)
	require.Equal(t, same.BaseAnswers, same.AdapterAnswers)
	require.Equal(t, int64(8), same.Rows)
	var predicted int64
	var nll float64
	for i, s := range scores(t, r, job.BaseModel, "", questions) {
		cut, before := min(len(s.LogProbs), 63), nll
		predicted += int64(cut)
		for _, l := range s.LogProbs[:cut] {
			nll -= float64(l)
		}
		require.Equal(t, []int64{int64(i + 1), int64(cut)}, []int64{same.Items[i].Line, same.Items[i].Tokens})
		require.InEpsilon(t, nll-before, same.Items[i].BaseNLL, 1e-5)
		require.Equal(t, same.Items[i].BaseNLL, same.Items[i].AdapterNLL)
	}
	require.Equal(t, predicted, same.Tokens)
	require.InEpsilon(t, nll, same.BaseNLL, 1e-5)
	job.Args.LearningRate, job.Args.MaxSteps = 1e-2, 40
	trained(t, r, job)
	better := evaluate()
	require.Equal(t, same.BaseNLL, better.BaseNLL)
	require.Less(t, better.AdapterNLL, 0.9*better.BaseNLL, "forty steps on the very rows")
}
