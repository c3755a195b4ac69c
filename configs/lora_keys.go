package configs

import (
	"errors"

	"elara/spec"
)

// loraConfigKeys is PEFT's LoraConfig, with PEFT 0.21's defaults, under the guide's names; PEFT's own names are
// accepted too.
func loraConfigKeys(c *spec.LoRAConfig) *section {
	return &section{
		foreign: peftKeys(),
		keys: []key{
			integer("r", &c.R, 8, 1, maxRank, "Rank of the two matrices of an adapted module."),
			number("alpha", &c.Alpha, 8, alphas(), "Scale: the adapter's product counts alpha / r times.").also("lora_alpha"),
			number("dropout", &c.Dropout, 0, interval{low: 0, high: 1, openHigh: true}, "Share of the adapter's inputs that training sets to zero.").also("lora_dropout"),
			choice("bias", &c.Bias, spec.BiasNone, []string{spec.BiasNone, spec.BiasAll, spec.BiasLoRAOnly}, "Biases that are trained; lora_only: those of the adapted modules."),
			modules("target_modules", &c.TargetModules, &c.TargetPattern, []string{spec.AllLinear}, "Modules to adapt, by the end of their name: [c_attn, c_proj] for GPT-2, [q_proj, k_proj, v_proj, o_proj] for Llama; all-linear: all but the output head.").require(),
			modules("exclude_modules", &c.ExcludeModules, &c.ExcludePattern, nil, "Modules that are left out although target_modules names them.").orNull(),
			layers("layers_to_transform", &c.LayersToTransform, "Indices of the layers that are adapted.").showDefault("all"),
			patterns("layers_pattern", &c.LayersPattern, "Name before the index of a layer, for layers_to_transform: layers for Llama, h for GPT-2.").showDefault("any"),
			rules("rank_pattern", &c.RankPattern, "a block of patterns with a rank each", rankRule, "Ranks of their own, by a pattern for the end of the module's name."),
			rules("alpha_pattern", &c.AlphaPattern, "a block of patterns with an alpha each", alphaRule, "Scales of their own, in the same form."),
			boolean("use_rslora", &c.UseRSLoRA, false, "The product counts alpha / sqrt(r) times."),
			boolean("use_dora", &c.UseDoRA, false, "Split the weight into a magnitude, which is trained, and a direction, which the adapter changes."),
			texts("modules_to_save", &c.ModulesToSave, "a list of module names", moduleName(), "Modules that are trained and saved whole.").orNull(),
			initWeights(&c.InitWeights),
		},
	}
}

func alphas() interval { return interval{low: 0, high: 65536, openLow: true} }

// settleLoRAConfig refuses what contradicts itself, as PEFT does.
func settleLoRAConfig(c spec.LoRAConfig) error {
	switch {
	case c.TargetPattern != "" && (len(c.LayersToTransform) > 0 || len(c.LayersPattern) > 0):
		return at(errors.New("does not go with target_modules that is one text, expected a list of module names there"), "layers_to_transform")
	case len(c.LayersPattern) > 0 && len(c.LayersToTransform) == 0:
		return at(errors.New("is given without layers_to_transform, expected both or neither"), "layers_pattern")
	}
	return nil
}
