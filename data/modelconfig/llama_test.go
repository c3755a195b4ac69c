package modelconfig

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

// small is a configuration that was not read from a file.
func small(family string) LlamaConfig {
	return LlamaConfig{
		ModelType: family, VocabSize: 64, HiddenSize: 16, IntermediateSize: 24, NumHiddenLayers: 3, NumAttentionHeads: 4, NumKeyValueHeads: 2,
		HeadDim: 6, MaxPositionEmbeddings: 128, RMSNormEps: 1e-5, RopeTheta: 10000, HiddenAct: "silu",
	}
}

// parse reads the sizes of small with some keys changed; a nil value leaves the key out, null is written as "null".
func parse(t *testing.T, family string, keys map[string]any) (LlamaConfig, error) {
	t.Helper()
	numbers := map[string]any{
		"model_type": family, "vocab_size": 64, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3,
		"num_attention_heads": 4, "num_key_value_heads": 2,
	}
	maps.Copy(numbers, keys)
	for key, value := range numbers {
		switch value {
		case nil:
			delete(numbers, key)
		case "null":
			numbers[key] = nil
		}
	}
	data, err := json.Marshal(numbers)
	require.NoError(t, err)
	return ParseLlama("model/config.json", data)
}

func TestAbsentKeysHaveTheDefaultsOfTheFamilysClass(t *testing.T) {
	// transformers 5.23: LlamaConfig, Qwen2Config, Qwen3Config, MistralConfig.
	for family, want := range map[string]struct{ positions, headDim int64 }{
		Llama: {2048, 4}, Qwen2: {32768, 4}, Qwen3: {32768, 128}, Mistral: {131072, 4},
	} {
		c, err := parse(t, family, nil)
		require.NoError(t, err)
		require.Equal(t, want.positions, c.MaxPositionEmbeddings, family)
		require.Equal(t, want.headDim, c.HeadDim, family)
		require.Equal(t, 1e-6, c.RMSNormEps, family)
		require.Equal(t, 10000.0, c.RopeTheta, family)
		require.False(t, c.TieWordEmbeddings, family)
	}
	c, err := parse(t, Llama, map[string]any{"num_key_value_heads": nil})
	require.NoError(t, err)
	require.EqualValues(t, 4, c.NumKeyValueHeads)
	c, err = parse(t, Mistral, map[string]any{"num_key_value_heads": nil, "num_attention_heads": 16, "hidden_size": 32})
	require.NoError(t, err)
	require.EqualValues(t, 8, c.NumKeyValueHeads)
	c, err = parse(t, Mistral, map[string]any{"num_key_value_heads": "null"})
	require.NoError(t, err)
	require.EqualValues(t, 4, c.NumKeyValueHeads)
}

func TestWindowsOfTheLayersAreThoseOfTransformers(t *testing.T) {
	full, slides := "full_attention", "sliding_attention"
	for name, c := range map[string]struct {
		family string
		keys   map[string]any
		want   []int64
	}{
		"llama has none":                  {Llama, nil, nil},
		"mistral, absent":                 {Mistral, nil, []int64{4096, 4096, 4096}},
		"mistral, null":                   {Mistral, map[string]any{"sliding_window": "null"}, nil},
		"mistral":                         {Mistral, map[string]any{"sliding_window": 8}, []int64{8, 8, 8}},
		"qwen2, not used":                 {Qwen2, map[string]any{"sliding_window": 8, "max_window_layers": 0}, nil},
		"qwen2, upper layers":             {Qwen2, map[string]any{"sliding_window": 8, "max_window_layers": 2, "use_sliding_window": true}, []int64{0, 0, 8}},
		"qwen3, by default above 28":      {Qwen3, map[string]any{"sliding_window": 8, "use_sliding_window": true}, nil},
		"qwen3, the window's own default": {Qwen3, map[string]any{"max_window_layers": 1, "use_sliding_window": true}, []int64{0, 4096, 4096}},
		"qwen3, listed":                   {Qwen3, map[string]any{"sliding_window": 8, "use_sliding_window": true, "layer_types": []string{slides, full, slides}}, []int64{8, 0, 8}},
		"qwen3, listed as full":           {Qwen3, map[string]any{"layer_types": []string{full, full, full}}, nil},
		"mistral, listed as it is":        {Mistral, map[string]any{"sliding_window": 8, "layer_types": []string{slides, slides, slides}}, []int64{8, 8, 8}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(t, c.family, c.keys)
			require.NoError(t, err)
			require.Equal(t, c.want, got.Windows)
		})
	}
}

func TestWhatIsNotDoneIsRefusedByName(t *testing.T) {
	rope := func(keys map[string]any) map[string]any { return map[string]any{"rope_scaling": keys} }
	for name, c := range map[string]struct {
		family string
		keys   map[string]any
		want   string
	}{
		"dynamic scaling":      {Llama, rope(map[string]any{"type": "dynamic", "factor": 2}), `rope_scaling: rope type "dynamic" is not supported, expected default, linear, llama3 or yarn`},
		"longrope, new form":   {Qwen3, map[string]any{"rope_parameters": map[string]any{"rope_type": "longrope"}}, `rope_parameters: rope type "longrope" is not supported`},
		"unknown rope key":     {Llama, rope(map[string]any{"rope_type": "linear", "factor": 2, "mrope_section": []int{1}}), `rope_scaling: unknown field "mrope_section"`},
		"scaling per layer":    {Qwen3, map[string]any{"rope_parameters": map[string]any{"full_attention": map[string]any{}}}, `rope_parameters: unknown field "full_attention"`},
		"no factor":            {Llama, rope(map[string]any{"type": "linear"}), `rope type "linear" needs factor, expected a positive number, found 0`},
		"no low_freq_factor":   {Llama, rope(map[string]any{"rope_type": "llama3", "factor": 8, "high_freq_factor": 4}), `rope type "llama3" needs low_freq_factor`},
		"frequencies crossed":  {Llama, rope(map[string]any{"rope_type": "llama3", "factor": 8, "high_freq_factor": 1, "low_freq_factor": 4}), `high_freq_factor is 1, expected more than low_freq_factor, 4`},
		"negative beta":        {Llama, rope(map[string]any{"rope_type": "yarn", "factor": 8, "beta_fast": -1}), `rope type "yarn" needs beta_fast, expected a positive number, found -1`},
		"part of the head":     {Llama, map[string]any{"partial_rotary_factor": 0.5}, `partial_rotary_factor 0.5 is not supported, expected 1`},
		"theta":                {Llama, map[string]any{"rope_theta": -1}, `rope_theta -1, expected positive numbers`},
		"packed weights":       {Llama, map[string]any{"quantization_config": map[string]any{"bits": 4}}, `quantization_config is not supported`},
		"bias of mistral":      {Mistral, map[string]any{"attention_bias": true}, `attention_bias has no meaning for model_type mistral`},
		"bias of qwen2's mlp":  {Qwen2, map[string]any{"mlp_bias": true}, `mlp_bias has no meaning for model_type qwen2`},
		"window of llama":      {Llama, map[string]any{"sliding_window": 8}, `sliding_window has no meaning for model_type llama`},
		"window of no tokens":  {Mistral, map[string]any{"sliding_window": 0}, `sliding_window is 0, expected a positive number or null`},
		"too few layer types":  {Qwen2, map[string]any{"layer_types": []string{"full_attention"}}, `layer_types has 1 entries, expected 3`},
		"unknown layer type":   {Qwen2, map[string]any{"layer_types": []string{"full_attention", "chunked_attention", "full_attention"}}, `layer_types[1] is "chunked_attention"`},
		"sliding, no window":   {Qwen2, map[string]any{"layer_types": []string{"sliding_attention", "full_attention", "full_attention"}}, `layer_types[0] is "sliding_attention"`},
		"mistral, alternating": {Mistral, map[string]any{"layer_types": []string{"sliding_attention", "full_attention", "full_attention"}}, `layer_types[1] is "full_attention"`},
		"activation":           {Qwen3, map[string]any{"hidden_act": "gelu"}, `hidden_act "gelu" is not supported, expected silu`},
		"end of text":          {Llama, map[string]any{"eos_token_id": "end"}, `eos_token_id is "end", expected a token id or a list of them`},
		"dropout":              {Llama, map[string]any{"attention_dropout": 1}, `attention_dropout is 1, expected a probability below 1`},
		"a size as a text":     {Llama, map[string]any{"hidden_size": "16"}, `not a model configuration`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, c.family, c.keys)
			require.ErrorContains(t, err, "model/config.json: ")
			require.ErrorContains(t, err, c.want)
			require.True(t, fault.Is(err, fault.Invalid))
		})
	}
}

func TestTokensThatEndATextAreOneOrMany(t *testing.T) {
	c, err := parse(t, Llama, map[string]any{"eos_token_id": []int{7, 9}, "pad_token_id": 3})
	require.NoError(t, err)
	require.Equal(t, []int32{7, 9}, c.EOS)
	require.Equal(t, []int32{3}, c.Pad)
	c, err = parse(t, Llama, map[string]any{"eos_token_id": 7, "pad_token_id": "null"})
	require.NoError(t, err)
	require.Equal(t, []int32{7}, c.EOS)
	require.Empty(t, c.Pad)
}

func TestWrittenConfigurationIsReadAsTheSame(t *testing.T) {
	for _, family := range []string{Llama, Qwen2, Qwen3, Mistral} {
		c := small(family)
		c.EOS, c.Pad, c.TieWordEmbeddings = []int32{3}, []int32{5}, true
		c.AttentionBias = family == Qwen3
		data, err := c.JSON()
		require.NoError(t, err)
		read, err := ParseLlama("config.json", data)
		require.NoError(t, err)
		read.document = nil
		require.Equal(t, c, read)
	}
}

func TestConfigurationThatWasReadKeepsKeysThatMeanNothingHere(t *testing.T) {
	c, err := parse(t, Mistral, map[string]any{"torch_dtype": "bfloat16", "initializer_range": 0.02, "sliding_window": "null"})
	require.NoError(t, err)
	data, err := c.Encode(66, "float16")
	require.NoError(t, err)
	require.JSONEq(t, `{"model_type": "mistral", "vocab_size": 66, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3,
		"num_attention_heads": 4, "num_key_value_heads": 2, "torch_dtype": "float16", "initializer_range": 0.02, "sliding_window": null}`, string(data))
}
