"""Trains a reward model with TRL 0.11.4's RewardTrainer and PEFT, pair by pair in the file's order.

Run by the Python of tests/peer/trl0114/venv: trl 0.11.4, transformers 4.45.2, peft 0.14.0, torch 2.1.2.
Usage: python reward.py DIR ARCHITECTURE; leaves DIR/reward.ARCHITECTURE.peer (init, log.json with each step's loss, first.safetensors
with the gradients of the first step, final.safetensors), and DIR/reward.ARCHITECTURE.json for elara-worker.
"""
import json
import os
import sys

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast
from trl import RewardConfig, RewardTrainer

import setting
from recording import record

root, architecture = sys.argv[1:3]
out = os.path.join(root, f"reward.{architecture}.peer")
base = os.path.join(root, architecture)
tok = PreTrainedTokenizerFast(tokenizer_file=os.path.join(base, "tokenizer.json"), eos_token="<|endoftext|>")  # the folder names a class of transformers 5
tok.pad_token = "\u00ff"  # the byte 255, which is in no text: the score is read at the last token that is none
numbers = json.load(open(os.path.join(base, "config.json")))
rope = {"rope_theta": numbers["rope_parameters"]["rope_theta"]} if "rope_parameters" in numbers else {}  # which transformers 4.45 wants outside
model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, pad_token_id=tok.pad_token_id, attn_implementation="eager", **rope)
torch.manual_seed(5)
config = LoraConfig(r=4, lora_alpha=8, target_modules=setting.TARGETS[architecture], task_type="SEQ_CLS", modules_to_save=["score"], init_lora_weights=False,
                    fan_in_fan_out=architecture == "gpt2")
model = get_peft_model(model, config)
with torch.no_grad():
    for name, p in model.named_parameters():
        if p.requires_grad:
            p.copy_(torch.randn_like(p) * 0.05)
model.save_pretrained(os.path.join(out, "init"))

rows = [json.loads(line) for line in open(os.path.join(root, "pairs.jsonl"))]
columns = {}
for side in ("chosen", "rejected"):
    ids = [tok(r["prompt"] + r[side] + tok.eos_token)["input_ids"] for r in rows]
    columns["input_ids_" + side], columns["attention_mask_" + side] = ids, [[1] * len(i) for i in ids]


class InOrder(RewardTrainer):
    """Takes the rows as they come, and keeps each loss."""

    def _get_train_sampler(self):
        return torch.utils.data.SequentialSampler(self.train_dataset)


args = RewardConfig(output_dir=os.path.join(out, "t"), report_to=[], use_cpu=True, save_strategy="no", remove_unused_columns=False, disable_tqdm=True,
                    center_rewards_coefficient=setting.CENTER, optim="adamw_torch", **setting.ARGS)
trainer = InOrder(model=model, args=args, tokenizer=tok, train_dataset=Dataset.from_dict(columns))
record(trainer, out, lambda: get_peft_model_state_dict(model))
job = setting.job(root, architecture, center_rewards_coefficient=setting.CENTER)
job.update(output_dir=os.path.join(root, f"reward.{architecture}.ours"), eval_data_path=os.path.join(root, "held.jsonl"))
json.dump(job, open(os.path.join(root, f"reward.{architecture}.json"), "w"))
