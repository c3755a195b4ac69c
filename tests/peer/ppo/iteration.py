"""Runs TRL 0.11.4's PPOv2Trainer by a PPO file of elara-worker; prints the worker's line at each iteration's end.

Run with the Python of tests/peer/ppo/venv: iteration.py PPO.json float32|bfloat16

At its best: all four models in the given type with adapters in float32 (PEFT's own way), the reward model's adapter
merged, sdpa attention, KV cache, prompts of one length so that nothing is padded, no samples, no checkpoints, no
reports. Policy and value function are LoRA adapters; the trainer wants a model of its own for each, and for reference
and reward.
"""
import json
import os
import sys

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedTokenizerFast, TrainerCallback)
from trl import PPOv2Config, PPOv2Trainer

job, dtype = json.load(open(sys.argv[1])), getattr(torch, sys.argv[2])
base = job["base_model"]
# transformers 4.45 wants the number outside, and does not know the class of tokenizer that the folder names.
rope = json.load(open(os.path.join(base, "config.json")))["rope_parameters"]["rope_theta"]
# TRL takes every pad token for padding: it must be one that no answer holds.
tokenizer = PreTrainedTokenizerFast(
    tokenizer_file=os.path.join(base, "tokenizer.json"), eos_token="<|im_end|>", pad_token="[PAD]", padding_side="left")


def load(kind, **more):
    return kind.from_pretrained(base, rope_theta=rope, torch_dtype=dtype, **more)


def scorer(trainable):
    model = load(AutoModelForSequenceClassification, num_labels=1)
    return PeftModel.from_pretrained(model, job["reward_model_path"], is_trainable=trainable)


class Lap(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        score, kl, entropy = (state.log_history[-1][k] for k in ("objective/scores", "objective/kl", "policy/entropy_avg"))
        print(f"iteration {state.global_step}/{args.num_total_batches}  score {score:.4f}  KL {kl:.4f}"
              f"  entropy {entropy:.3f}", flush=True)


own, ppo, training = job["lora_config"], dict(job["ppo_config"]), dict(job["training_args"])
assert ppo.pop("stop_token") == "none"
training.pop("bf16")  # the type of the weights stands for it: autocast would convert them anew in every pass
lora = LoraConfig(
    r=own["r"], lora_alpha=own["alpha"], lora_dropout=own["dropout"], target_modules=own["target_modules"],
    task_type="CAUSAL_LM")
prompts = [tokenizer(json.loads(line)["text"])["input_ids"] for line in open(job["train_data_path"], encoding="utf-8")]
assert len({len(ids) for ids in prompts}) == 1
rows = Dataset.from_dict({"input_ids": prompts})
PPOv2Trainer(
    config=PPOv2Config(
        output_dir=job["output_dir"], report_to=[], use_cpu=True, disable_tqdm=True, num_sample_generations=0, **ppo, **training),
    tokenizer=tokenizer, train_dataset=rows, eval_dataset=rows, callbacks=[Lap()],
    # What PEFT wraps, with the adapters in its layers: the trainer asks models for parts by name.
    policy=get_peft_model(load(AutoModelForCausalLM), lora).base_model.model, ref_policy=load(AutoModelForCausalLM),
    value_model=scorer(True).base_model.model, reward_model=scorer(False).merge_and_unload(),
).train()
