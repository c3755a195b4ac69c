package spec

import (
	"slices"
	"strings"
)

// LoRAConfig holds PEFT's LoraConfig keys under the guide's names.
type LoRAConfig struct {
	R             int      `json:"r"`
	Alpha         float64  `json:"alpha"`
	Dropout       float64  `json:"dropout"`
	Bias          string   `json:"bias"`           // which biases of the base are trained: BiasNone, BiasAll or BiasLoRAOnly
	TargetModules []string `json:"target_modules"` // ends of module names; empty where TargetPattern is set
	// TargetPattern is PEFT's target_modules given as one text: AllLinear, or a regular expression (RE2) for the whole
	// name of a module.
	TargetPattern string `json:"target_pattern,omitempty"`
	// ExcludeModules and ExcludePattern leave out modules that the targets name, in the same two forms.
	ExcludeModules []string `json:"exclude_modules,omitempty"`
	ExcludePattern string   `json:"exclude_pattern,omitempty"`
	// LayersToTransform are the indices of the layers that are adapted; empty: all.
	LayersToTransform []int `json:"layers_to_transform,omitempty"`
	// LayersPattern are regular expressions for the name element before the layer's index; empty: any.
	LayersPattern []string `json:"layers_pattern,omitempty"`
	// RankPattern and AlphaPattern replace R and Alpha for some modules: the first rule that matches counts.
	RankPattern  []RankRule  `json:"rank_pattern,omitempty"`
	AlphaPattern []AlphaRule `json:"alpha_pattern,omitempty"`
	UseRSLoRA    bool        `json:"use_rslora,omitempty"` // the product counts alpha / sqrt(r) times
	UseDoRA      bool        `json:"use_dora,omitempty"`
	// ModulesToSave are modules that are trained and saved whole, by the end of their name.
	ModulesToSave []string `json:"modules_to_save,omitempty"`
	InitWeights   LoRAInit `json:"init_lora_weights,omitempty"`
	// TaskType is what the base is with the adapter; empty: a causal language model.
	TaskType TaskType `json:"task_type,omitempty"`
}

// RankRule gives the modules that a pattern matches their own rank. As in PEFT the pattern is a regular expression that
// the end of the module's name must match, from its beginning or after a dot.
type RankRule struct {
	Modules string `json:"modules"`
	R       int    `json:"r"`
}

// AlphaRule gives the modules that a pattern matches their own alpha.
type AlphaRule struct {
	Modules string  `json:"modules"`
	Alpha   float64 `json:"alpha"`
}

// AllLinear as TargetPattern targets every linear layer but the output head.
const AllLinear = "all-linear"

// Biases of the base that are trained with an adapter.
const (
	BiasNone     = "none"
	BiasAll      = "all"
	BiasLoRAOnly = "lora_only" // those of the adapted modules
)

// TaskType is PEFT's task_type.
type TaskType string

// TaskSeqCls is a classifier of whole texts; here, one with a single label, whose score head is trained with the adapter: a
// reward model.
const TaskSeqCls TaskType = "SEQ_CLS"

// LoRAInit says what the matrices of a fresh adapter hold.
type LoRAInit string

const (
	InitDefault  LoRAInit = ""         // A is uniform as a linear layer's weight, B is zero: PEFT's true
	InitGaussian LoRAInit = "gaussian" // A is normal with a deviation of 1/r, B is zero
	InitRandom   LoRAInit = "random"   // A and B are uniform as a linear layer's weight: PEFT's false
)

// trainsEmbeddings reports whether modules_to_save names an input or output embedding, by the names of transformers. Such an adapter
// cannot do without the rows of new tokens.
func (c LoRAConfig) trainsEmbeddings() bool {
	return slices.ContainsFunc(c.ModulesToSave, func(entry string) bool {
		return slices.ContainsFunc([]string{"model.embed_tokens", "transformer.wte", "lm_head"}, func(name string) bool {
			return strings.HasSuffix(name, entry)
		})
	})
}
