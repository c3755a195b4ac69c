package configs

import "slices"

// peftKeys lists the fields of LoraConfig that are not honoured, of PEFT 0.21.2.
func peftKeys() []foreignKey {
	return slices.Concat(
		refuse("adapters are for causal language models, expected CAUSAL_LM", named("task_type", "CAUSAL_LM")),
		refuse("adapters are LoRA adapters, expected LORA", named("peft_type", "LORA")),
		refuse("base_model says which model, at which revision", named("revision")),
		refuse("the adapted model's biases are trained with bias: lora_only; an adapter has none of its own", named("lora_bias")),
		refuse("adapters of this kind are not trained, remove it", named("alora_invocation_tokens"), named("arrow_config"), named("kasa_config"), named("monteclora_config"),
			named("use_bdlora"), named("use_qalora"), named("velora_config"), named("megatron_config")),
		refuse("init_lora_weights has true, false and gaussian", named("corda_config"), named("eva_config"), named("loftq_config"), named("lora_ga_config")),
		refuse("layers are not repeated, remove it", named("layer_replication")),
		refuse("modules are adapted, single parameters are not, expected target_modules", named("target_parameters")),
		refuse("single tokens are not trained, expected modules_to_save with the embedding", named("trainable_token_indices")),
		refuse("tied weights stay as the model ties them, remove it", named("ensure_weight_tying")),
		noEffect("it follows from the model", named("fan_in_fan_out"), named("auto_mapping"), named("base_model_name_or_path")),
		noEffect("it belongs to a finished adapter", named("inference_mode"), named("peft_version")),
		noEffect("it belongs to a key that is not supported", named("megatron_core", "megatron.core"), named("qalora_group_size", "16"), named("runtime_config")),
	)
}
