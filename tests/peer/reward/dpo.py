"""Trains an adapter with TRL 1.16's DPOTrainer and PEFT, pair by pair in the file's order. The reference is the adapter as it begins.

Run by the Python of tests/peer/venv: trl 1.16.0, transformers 5.23.0, peft 0.21.2, torch 2.11.0.
Usage: python dpo.py DIR ARCHITECTURE sigmoid|robust; leaves DIR/dpo.ARCHITECTURE.peer and DIR/dpo.ARCHITECTURE.json, as reward.py does.
"""
import json
import os
import sys

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer

import setting
from recording import record

root, architecture, loss = sys.argv[1:4]
out = os.path.join(root, f"dpo.{architecture}.peer")
tok = AutoTokenizer.from_pretrained(os.path.join(root, architecture))
tok.pad_token = "\u00ff"
model = AutoModelForCausalLM.from_pretrained(os.path.join(root, architecture), dtype=torch.float32, attn_implementation="eager")
torch.manual_seed(5)
model = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules=setting.TARGETS[architecture], task_type="CAUSAL_LM", init_lora_weights=False,
                                         fan_in_fan_out=architecture == "gpt2"))
with torch.no_grad():
    for name, p in model.named_parameters():
        if p.requires_grad:
            p.copy_(torch.randn_like(p) * 0.05)
model.save_pretrained(os.path.join(out, "init"))

rows = [json.loads(line) for line in open(os.path.join(root, "pairs.jsonl"))]
own = {"beta": setting.BETA, "loss_type": [loss], "label_smoothing": 0.1 if loss == "robust" else 0.0}
args = DPOConfig(output_dir=os.path.join(out, "t"), report_to=[], use_cpu=True, save_strategy="no", disable_tqdm=True, bf16=False, gradient_checkpointing=False,
                 train_sampling_strategy="sequential", optim="adamw_torch", **own, **setting.ARGS)
trainer = DPOTrainer(model=model, args=args, processing_class=tok, train_dataset=Dataset.from_list(rows))
record(trainer, out, lambda: get_peft_model_state_dict(model))
job = setting.job(root, architecture, **own)
job.update(output_dir=os.path.join(root, f"dpo.{architecture}.ours"), init_adapter=os.path.join(out, "init"))
json.dump(job, open(os.path.join(root, f"dpo.{architecture}.json"), "w"))
