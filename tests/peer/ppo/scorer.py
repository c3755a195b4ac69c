"""Writes a reward model in PEFT's form: rank 16 over a base, with a head drawn at random; a trained one costs the same.

Run with the Python of tests/peer/ppo/venv: scorer.py BASE OUT
"""
import json
import os
import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForSequenceClassification

base, out = sys.argv[1:3]
# transformers 4.45 wants the number outside.
rope = json.load(open(os.path.join(base, "config.json")))["rope_parameters"]["rope_theta"]
torch.manual_seed(5)
model = AutoModelForSequenceClassification.from_pretrained(
    base, num_labels=1, rope_theta=rope, torch_dtype=torch.float32)
lora = LoraConfig(
    r=16, lora_alpha=32, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"], task_type="SEQ_CLS",
    modules_to_save=["score"])
get_peft_model(model, lora).save_pretrained(out)
