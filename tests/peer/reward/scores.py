"""Compares scores of `elara-worker exec score-reward` with transformers' AutoModelForSequenceClassification and PEFT, in float32: one text at
a time without a padding token, and all at once with one.

Run by the Python of tests/peer/venv: transformers 5.23.0, peft 0.21.2, torch 2.11.0.
Usage: python scores.py MODEL_DIR REWARD_DIR ANSWERS.jsonl SCORES.jsonl
"""
import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

base, reward, answers, scores = sys.argv[1:5]
tok = AutoTokenizer.from_pretrained(reward)
texts = [a["question"] + a["answer"] + tok.eos_token for a in map(json.loads, open(answers))]
mine = [json.loads(line) for line in open(scores)]
center = json.load(open(reward + "/reward.json"))["center"]
model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, dtype=torch.float32, attn_implementation="eager")
model = PeftModel.from_pretrained(model, reward).eval()
with torch.no_grad():
    model.config.pad_token_id = None
    alone = [model(**tok(t, return_tensors="pt")).logits.item() for t in texts]
    tok.pad_token = "\u00ff"
    model.config.pad_token_id = tok.pad_token_id
    together = model(**tok(texts, return_tensors="pt", padding=True)).logits[:, 0].tolist()
assert len(mine) == len(texts)
worst = max(abs(m["score"] - w) for m, a, b in zip(mine, alone, together) for w in (a, b))
assert all(abs(m["reward"] - (m["score"] - center)) < 1e-9 for m in mine)
print(json.dumps({"max_abs": worst, "answers": len(mine), "spread": max(alone) - min(alone)}))
