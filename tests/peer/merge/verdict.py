"""Reads what tests/proof/merge found: prints the worst figures as one word, and whether they hold.

Usage: python verdict.py DIR
"""
import json
import os
import statistics
import sys

from safetensors import safe_open

root = sys.argv[1]
found = [json.load(open(os.path.join(root, a + ".json"))) for a in ("gpt2", "llama")]
worst = {k: max(f[k] for f in found) for k in ("tensors", "exact", "base", "bfloat16")}
median = {}
for who in ("ours", "peft"):
    rounds = [json.loads(line) for line in open(os.path.join(root, who + ".jsonl"))]
    median[who] = {k: statistics.median(r[k] for r in rounds) for k in ("seconds", "peak_bytes")}
memory = median["ours"]["peak_bytes"] / median["peft"]["peak_bytes"]
seconds = median["ours"]["seconds"] / median["peft"]["seconds"]
with safe_open(os.path.join(root, "ours/cat/model.safetensors"), "pt") as a, safe_open(os.path.join(root, "peft/model.safetensors"), "pt") as b:
    weights = max((a.get_tensor(k) - b.get_tensor(k)).abs().max().item() for k in b.keys())
worst["tensors"] = max(worst["tensors"], weights)
holds = worst["tensors"] <= 1e-5 and worst["exact"] <= 1e-4 and worst["base"] <= 1e-4 and worst["bfloat16"] <= 1 / 32 and memory <= 0.3 and seconds <= 1
text = (f"tensors {worst['tensors']:.2g}, logits {worst['exact']:.2g} from the exact sum where PEFT is wrong, {worst['base']:.2g} in the base, "
        f"bfloat16 {worst['bfloat16']:.2g} of the largest logit (bound 1/32), memory {memory:.2f}, time {seconds:.2f}")
print(text.replace(" ", "_"), "ok" if holds else "short")
