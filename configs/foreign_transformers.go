package configs

import "slices"

// transformersKeys lists the fields of TrainingArguments that are not honoured: those of transformers 5.23.0, and those
// of earlier releases. testdata/upstream.json, which a script reads from the libraries, proves that none is missing.
func transformersKeys() []foreignKey {
	return slices.Concat(transformersRefused(), transformersWithoutEffect())
}

func transformersRefused() []foreignKey {
	return slices.Concat(
		refuse("AdamW is the optimiser, expected adamw_torch or adamw_torch_fused, which are one here", named("optim", "adamw_torch", "adamw_torch_fused"), named("adafactor")),
		refuse("AdamW takes adam_beta1, adam_beta2, adam_epsilon and weight_decay", named("optim_args")),
		refuse("it belongs to other optimisers; lora_config.target_modules says what is trained", named("optim_target_modules")),
		refuse("evaluation computes in the type that training computes in, set bf16", named("bf16_full_eval")),
		refuse("evaluation computes in the type that training computes in, set fp16", named("fp16_full_eval")),
		refuse("what is fp32 is computed in fp32, set bf16 for speed", named("tf32")),
		refuse("no noise is added to embeddings, remove it", named("neftune_noise_alpha")),
		refuse("a checkpoint without the optimiser's state could not be resumed, remove it", named("save_only_model")),
		refuse("weights are written as safetensors, remove it", named("save_safetensors", "true")),
		refuse("a training pushes nothing, remove it", named("push_to_hub"), token("hub_token"), token("push_to_hub_token")),
		refuse("a resumed training always goes on at its own row, remove it", named("ignore_data_skip")),
		refuse("a pipeline resumes by itself, and `elara-worker exec lora` with --resume", named("resume_from_checkpoint")),
		refuse("one process trains on one device, remove it", named("accelerator_config"), named("parallelism_config"), named("fsdp"), named("fsdp_config"),
			named("deepspeed"), named("split_batches"), named("dispatch_batches"), named("fsdp_min_num_params", "0"), named("fsdp_transformer_layer_cls_to_wrap"),
			named("mp_parameters"), named("sharded_ddp")),
		refuse("there is no such debugger, remove it", named("debug")),
		refuse("expected per_device_train_batch_size", named("per_gpu_train_batch_size")),
		refuse("expected per_device_eval_batch_size", named("per_gpu_eval_batch_size")),
		refuse("expected eval_strategy", named("evaluate_during_training")),
		refuse("the engine does not run on that device, remove it", named("use_mps_device"), named("use_ipex"), named("tpu_num_cores"), named("tpu_metrics_debug")),
		refuse("hidden states are not kept from batch to batch, remove it", named("past_index", "-1")),
	)
}

func transformersWithoutEffect() []foreignKey {
	return slices.Concat(
		noEffect("there is one way to compute activations again", named("gradient_checkpointing_kwargs"), named("activation_checkpointing_kwargs")),
		noEffect("the engine's operators are compiled ahead of time", named("torch_compile"), named("torch_compile_backend"), named("torch_compile_mode"), named("torchdynamo"), named("jit_mode_eval")),
		noEffect("head and loss are computed in chunks in any case", named("use_liger_kernel"), named("liger_kernel_config")),
		noEffect("training keeps no cache of keys and values", named("use_cache")),
		noEffect("memory is given back at the end of every step", named("torch_empty_cache_steps")),
		noEffect("a micro-batch that does not fit is halved in any case, with the same result", named("auto_find_batch_size")),
		noEffect("the loss is the mean over all tokens of a step in any case", named("average_tokens_across_devices", "true")),
		noEffect("one process trains on one device", named("log_on_each_node", "true"), named("save_on_each_node"), named("local_rank", "-1", "0"), named("ddp_backend"), named("ddp_broadcast_buffers"),
			named("ddp_bucket_cap_mb"), named("ddp_find_unused_parameters"), named("ddp_static_graph"), named("ddp_timeout", "1800"), named("ray_scope", "last")),
		noEffect("a loss that is not finite ends the training", named("logging_nan_inf_filter", "true")),
		noEffect("trainer_state.json holds the tokens in any case", named("include_num_input_tokens_seen", "no"), named("include_tokens_per_second")),
		noEffect("telemetry.log_level sets the level", named("log_level", "passive"), named("log_level_replica", "warning")),
		noEffect("a terminal gets progress and a pipe gets lines", named("disable_tqdm", "true")),
		noEffect("the command and the worker's settings say where series are written", named("report_to", "none", "all"), named("run_name"), named("project", "huggingface"), named("logging_dir"),
			named("trackio_space_id"), named("trackio_bucket_id"), named("trackio_static_space_id")),
		noEffect("evaluation measures the loss and nothing else", named("prediction_loss_only", "true"), named("eval_do_concat_batches", "true"), named("eval_use_gather_object"), named("eval_accumulation_steps"),
			named("include_for_metrics"), named("include_inputs_for_metrics"), named("batch_eval_metrics"), named("use_legacy_prediction_loop")),
		noEffect("a worker that is told to stop saves first in any case", named("enable_jit_checkpoint")),
		noEffect("a training pushes nothing", named("hub_model_id"), named("hub_strategy", "every_save"), named("hub_private_repo"), named("hub_always_push"), named("hub_revision"),
			named("push_to_hub_model_id"), named("push_to_hub_organization")),
		noEffect("a resumed training restores them in any case", named("restore_callback_states_from_checkpoint")),
		noEffect("equal trainings give equal bytes in any case", named("full_determinism")),
		noEffect("the adapter's device, or the worker's, says where it is trained", named("use_cpu"), named("no_cuda")),
		noEffect("rows are read before the first step", named("dataloader_num_workers", "0"), named("dataloader_pin_memory", "true"), named("dataloader_persistent_workers"),
			named("dataloader_prefetch_factor"), named("dataloader_multiprocessing_context"), named("dataloader_in_order", "true")),
		noEffect("a row is its text, and its labels are its tokens", named("remove_unused_columns", "true"), named("label_names"), named("length_column_name", "length")),
		noEffect("memory is measured in any case", named("skip_memory_metrics", "true")),
		noEffect("transformers' Trainer does not read it either", named("do_train", "true"), named("do_eval", "true"), named("do_predict")),
		noEffect("a checkpoint of the same step is replaced in any case", named("overwrite_output_dir")),
		noEffect("half precision has one form", named("fp16_backend", "auto"), named("half_precision_backend", "auto"), named("fp16_opt_level", "O1")),
	)
}
