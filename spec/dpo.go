package spec

// DPOJob is one training by direct preference optimisation on this machine, with local paths. The JSON names are those of TRL's
// DPOConfig and of the guide's training files; package configs reads, checks and fills it.
type DPOJob struct {
	BaseModel string `json:"base_model"` // as in LoRAJob
	// InitAdapter is the PEFT folder of the SFT adapter that training begins from, and that is the reference; empty: a fresh
	// adapter, and the base is the reference.
	InitAdapter string `json:"init_adapter,omitempty"`
	OutputDir   string `json:"output_dir"`
	PairData
	AddPadToken    bool         `json:"add_pad_token,omitempty"` // as the SFT adapter was trained
	Beta           float64      `json:"beta"`                    // strength of the pull towards the reference
	LossType       DPOLoss      `json:"loss_type"`
	LabelSmoothing float64      `json:"label_smoothing,omitempty"` // of DPORobust: the probability that a judgement is the wrong way round
	DisableDropout bool         `json:"disable_dropout"`           // of the base and of the adapter
	LoRA           LoRAConfig   `json:"lora_config"`
	Args           TrainingArgs `json:"training_args"`
}

// DPOLoss is a loss of TRL's DPOTrainer.
type DPOLoss string

const (
	DPOSigmoid DPOLoss = "sigmoid"
	DPORobust  DPOLoss = "robust" // for judgements of which some are wrong
)
