"""Compares log-probabilities of `elara-worker exec score` with transformers, fp32.

Usage: python logprobs.py MODEL_DIR SCORES.jsonl TEXTS.jsonl [ADAPTER_DIR]; prints the largest absolute difference.
"""
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

model_dir, scores, texts = sys.argv[1:4]
tok = AutoTokenizer.from_pretrained(model_dir)
model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32, attn_implementation="eager")
if len(sys.argv) > 4:
    from peft import PeftModel
    from safetensors import safe_open
    with safe_open(sys.argv[4] + "/adapter_model.safetensors", "pt") as f:  # an adapter with resized embeddings needs a resized base
        if "base_model.model.lm_head.weight" in f.keys():
            model.resize_token_embeddings(f.get_slice("base_model.model.lm_head.weight").get_shape()[0])
    model = PeftModel.from_pretrained(model, sys.argv[4])
model.eval()
worst, tokens = 0.0, 0
for mine, text in zip(open(scores), open(texts), strict=True):
    mine, text = json.loads(mine), json.loads(text)["text"]
    ids = tok(text)["input_ids"]
    assert ids == mine["ids"], f"token ids differ on {text!r}"
    assert len(mine["logprobs"]) == len(ids) - 1 or len(ids) == 1
    if len(ids) < 2:
        continue
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    want = logits[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    worst = max(worst, (want - torch.tensor(mine["logprobs"]).double()).abs().max().item())
    tokens += len(ids) - 1
print(json.dumps({"max_abs": worst, "tokens": tokens}))
